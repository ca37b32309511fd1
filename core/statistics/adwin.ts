// ADWIN (Bifet & Gavaldà 2007): a window that grows while its mean is steady and drops its oldest
// part when two parts differ. As river 0.26.1, which tries the cut after every bucket.
import { reading, type StreamDetector } from "./stream-detector.ts"

export interface AdwinOptions {
  /** Chance of a false alarm per check. */
  readonly delta?: number
  /** Values between two checks. */
  readonly clock?: number
  /** Buckets of one size before two of them are merged. */
  readonly bucketsMax?: number
  /** Rows each side of a cut must have. */
  readonly sideMin?: number
  /** Rows before the first check. */
  readonly grace?: number
}

/** Buckets of 2^row values each, oldest first: their sums and their sums of squared deviations. */
interface Row {
  readonly totals: Array<number>
  readonly variances: Array<number>
}

const emptyRow = (): Row => ({ totals: [], variances: [] })

export class Adwin implements StreamDetector {
  drift = false
  width = 0
  total = 0
  /** Sum of squared deviations in the window. */
  variance = 0
  #rows: Array<Row> = [emptyRow()]
  #ticks = 0
  readonly #delta: number
  readonly #clock: number
  readonly #bucketsMax: number
  readonly #sideMin: number
  readonly #grace: number

  constructor(options: AdwinOptions = {}) {
    this.#delta = options.delta ?? 0.002
    this.#clock = options.clock ?? 32
    this.#bucketsMax = options.bucketsMax ?? 5
    this.#sideMin = options.sideMin ?? 5
    this.#grace = options.grace ?? 10
  }

  /** The mean of the window, 0 while it is empty. */
  get estimation(): number {
    return this.width === 0 ? 0 : this.total / this.width
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#insert(value)
    this.#compress()
    this.#ticks += 1
    const checks = this.#ticks % this.#clock === 0 && this.width > this.#grace
    this.drift = checks && this.#shrink()
  }

  save(): ReadonlyArray<number> {
    const rows = this.#rows.flatMap(({ totals, variances }) => [
      totals.length,
      ...totals,
      variances.length,
      ...variances,
    ])
    const { drift, width, total, variance } = this
    return [Number(drift), width, total, variance, this.#ticks, this.#rows.length, ...rows]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, list, flag } = reading(saved)
    this.drift = flag()
    this.width = next()
    this.total = next()
    this.variance = next()
    this.#ticks = next()
    this.#rows = Array.from({ length: next() }, () => ({ totals: list(), variances: list() }))
  }

  #reset(): void {
    this.drift = false
    this.width = 0
    this.total = 0
    this.variance = 0
    this.#rows = [emptyRow()]
    this.#ticks = 0
  }

  #insert(value: number): void {
    this.#rows[0]!.totals.push(value)
    this.#rows[0]!.variances.push(0)
    this.width += 1
    if (this.width > 1) {
      const gap = value - this.total / (this.width - 1)
      this.variance += ((this.width - 1) * gap * gap) / this.width
    }
    this.total += value
  }

  #compress(): void {
    for (let index = 0; index < this.#rows.length; index++) {
      const row = this.#rows[index]!
      if (row.totals.length <= this.#bucketsMax) return
      if (index + 1 === this.#rows.length) this.#rows.push(emptyRow())
      const size = 2 ** index
      const [first = 0, second = 0] = row.totals.splice(0, 2)
      const [variance1 = 0, variance2 = 0] = row.variances.splice(0, 2)
      const gap = first / size - second / size
      const next = this.#rows[index + 1]!
      next.totals.push(first + second)
      next.variances.push(variance1 + variance2 + (size * size * gap * gap) / (size + size))
    }
  }

  /** Drops the oldest bucket while some cut separates two different means. */
  #shrink(): boolean {
    let shrunk = false
    while (this.#differs()) {
      shrunk = true
      this.#dropOldest()
    }
    return shrunk
  }

  #differs(): boolean {
    let n0 = 0
    let n1 = this.width
    let u0 = 0
    let u1 = this.total
    for (let index = this.#rows.length - 1; index >= 0; index--) {
      const { totals } = this.#rows[index]!
      const size = 2 ** index
      for (let k = 0; k < totals.length; k++) {
        n0 += size
        n1 -= size
        u0 += totals[k]!
        u1 -= totals[k]!
        const sides = n0 >= this.#sideMin && n1 >= this.#sideMin
        if (sides && Math.abs(u0 / n0 - u1 / n1) > this.#epsilon(n0, n1)) return true
      }
    }
    return false
  }

  #epsilon(n0: number, n1: number): number {
    const delta = Math.log((2 * Math.log(this.width)) / this.#delta)
    const inverse = 1 / (n0 - this.#sideMin + 1) + 1 / (n1 - this.#sideMin + 1)
    const spread = this.variance / this.width
    return Math.sqrt(2 * inverse * spread * delta) + (2 / 3) * delta * inverse
  }

  #dropOldest(): void {
    const last = this.#rows.length - 1
    const row = this.#rows[last]!
    const size = 2 ** last
    const total = row.totals.shift() ?? 0
    const variance = row.variances.shift() ?? 0
    this.width -= size
    this.total -= total
    const gap = total / size - this.total / this.width
    this.variance -= variance + (size * this.width * gap * gap) / (size + this.width)
    if (row.totals.length === 0) this.#rows.pop()
  }
}
