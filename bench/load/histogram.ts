// Counts latencies in log-linear buckets with three significant digits, as HdrHistogram does: what
// it costs to record does not depend on how many were recorded, and no latency is left out.

/** One tick; latencies are recorded in these. */
const TICK_MICROS = 0.1
/** Values below 2^11 ticks are kept exactly; above, each power of two has 2^10 buckets. */
const HALF_BITS = 10
const HALF = 1 << HALF_BITS
/** 2^32 − 1 ticks are 429 s; what is longer is counted as that. */
const TICKS_MAX = 2 ** 32 - 1
const BUCKETS = HALF * (32 - HALF_BITS + 1)

/** Milliseconds; 0 where nothing was recorded. */
export interface Latency {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Buckets that hold something, as [bucket, count]; with sum and maximum in milliseconds. */
export interface HistogramData {
  readonly buckets: ReadonlyArray<readonly [bucket: number, count: number]>
  readonly sumMillis: number
  readonly maxMillis: number
}

const bucketOf = (ticks: number): number => {
  const shift = Math.max(0, 31 - HALF_BITS - Math.clz32(ticks))
  return shift * HALF + (ticks >>> shift)
}

/** The middle of a bucket, in milliseconds. */
export const bucketMillis = (bucket: number): number => {
  const shift = Math.max(0, (bucket >>> HALF_BITS) - 1)
  const low = (bucket - shift * HALF) * 2 ** shift
  return ((low + (2 ** shift - 1) / 2) * TICK_MICROS) / 1_000
}

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #sumMillis = 0
  #maxMillis = 0

  record(millis: number): void {
    const ticks = Math.min(TICKS_MAX, Math.max(0, Math.round((millis * 1_000) / TICK_MICROS)))
    const bucket = bucketOf(ticks >>> 0)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count++
    this.#sumMillis += millis
    if (millis > this.#maxMillis) this.#maxMillis = millis
  }

  add({ buckets, sumMillis, maxMillis }: HistogramData): void {
    for (const [bucket, count] of buckets) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
      this.#count += count
    }
    this.#sumMillis += sumMillis
    this.#maxMillis = Math.max(this.#maxMillis, maxMillis)
  }

  /** The share `part` (0 to 1) of the shortest latencies ends here, in milliseconds. */
  quantile(part: number): number {
    const rank = Math.max(1, Math.ceil(part * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= rank) return Math.min(this.#maxMillis, bucketMillis(bucket))
    }
    return this.#maxMillis
  }

  latency(): Latency {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sumMillis / this.#count,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#maxMillis,
    }
  }

  data(): HistogramData {
    const buckets: Array<readonly [number, number]> = []
    for (const [bucket, count] of this.#counts.entries())
      if (count > 0) buckets.push([bucket, count])
    return { buckets, sumMillis: this.#sumMillis, maxMillis: this.#maxMillis }
  }
}

export const latencyOf = (data: HistogramData): Latency => {
  const histogram = new Histogram()
  histogram.add(data)
  return histogram.latency()
}
