// What this process has served, by model and version, as the statistics of the protocol count it:
// kept in memory from its start, and told to whoever asks. It counts what it did, so a request that
// is run again after a fault counts again.
import type { BatchStatistics, VersionStatistics } from "../proto/questions.ts"
import type { Group } from "./batcher.ts"
import type { Failed } from "./work.ts"

const NANOS_PER_MICRO = 1_000
const NANOS_PER_MILLI = 1_000_000
/** Numbers of rows that are counted apart; runs of further ones count with the largest below. */
const BATCH_SIZES_MAX = 512

/** The parts of a run, microseconds. */
export interface RunTimes {
  /** Milliseconds since 1970. */
  readonly begun: number
  readonly inputMicros: number
  readonly inferMicros: number
  readonly outputMicros: number
}

interface Sum {
  count: number
  nanos: number
}
type Batches = { -readonly [Field in keyof BatchStatistics]: BatchStatistics[Field] }

const sum = (): Sum => ({ count: 0, nanos: 0 })

class VersionCounts {
  #lastInference = 0
  #inferences = 0
  #executions = 0
  readonly #fail = sum()
  readonly #queue = sum()
  readonly #input = sum()
  readonly #infer = sum()
  readonly #output = sum()
  readonly #batches = new Map<number, Batches>()

  ran({ works, rows }: Group, times: RunTimes): void {
    const inputNanos = times.inputMicros * NANOS_PER_MICRO
    const inferNanos = times.inferMicros * NANOS_PER_MICRO
    const outputNanos = times.outputMicros * NANOS_PER_MICRO
    const requests = works.length
    let queueMillis = 0
    // The server's clock and ours may differ: no request waited for less than nothing.
    for (const { delivery } of works) queueMillis += Math.max(0, times.begun - delivery.storedAt)
    this.#lastInference = times.begun
    this.#inferences += rows
    this.#executions++
    add(this.#queue, requests, queueMillis * NANOS_PER_MILLI)
    // Each request of a run waited for all of it.
    add(this.#input, requests, requests * inputNanos)
    add(this.#infer, requests, requests * inferNanos)
    add(this.#output, requests, requests * outputNanos)
    const batch = this.#batch(rows)
    batch.count++
    batch.inputNanos += inputNanos
    batch.inferNanos += inferNanos
    batch.outputNanos += outputNanos
  }

  failed(millis: number): void {
    add(this.#fail, 1, Math.max(0, millis) * NANOS_PER_MILLI)
  }

  view(model: string, version: string): VersionStatistics {
    const [queue, input, infer, output] = [this.#queue, this.#input, this.#infer, this.#output]
    const nanos = queue.nanos + input.nanos + infer.nanos + output.nanos
    return {
      model,
      version,
      lastInference: this.#lastInference,
      inferences: this.#inferences,
      executions: this.#executions,
      success: { count: queue.count, nanos },
      fail: this.#fail,
      queue,
      input,
      infer,
      output,
      batches: [...this.#batches.values()].toSorted((a, b) => a.rows - b.rows),
    }
  }

  #batch(rows: number): Batches {
    const known = this.#batches.get(rows)
    if (known !== undefined) return known
    if (this.#batches.size >= BATCH_SIZES_MAX) {
      const below = [...this.#batches.keys()].filter((one) => one < rows)
      const nearest = this.#batches.get(Math.max(...below))
      if (nearest !== undefined) return nearest
    }
    const made = { rows, count: 0, inputNanos: 0, inferNanos: 0, outputNanos: 0 }
    this.#batches.set(rows, made)
    return made
  }
}

const add = (to: Sum, count: number, nanos: number): void => {
  to.count += count
  to.nanos += nanos
}

export class ServedStatistics {
  readonly #models = new Map<string, Map<string, VersionCounts>>()

  ran(model: string, group: Group, times: RunTimes): void {
    this.#of(model, group.chosen.version).ran(group, times)
  }

  /** What was given no version is counted nowhere. */
  failed({ received, version }: Failed, now: number): void {
    if (version === undefined) return
    this.#of(received.model, version).failed(now - received.delivery.storedAt)
  }

  /** Of one model, or of all. */
  view(model: string | undefined): ReadonlyArray<VersionStatistics> {
    return [...this.#models]
      .filter(([name]) => model === undefined || name === model)
      .flatMap(([name, versions]) =>
        [...versions].map(([version, counts]) => counts.view(name, version)),
      )
  }

  #of(model: string, version: string): VersionCounts {
    let versions = this.#models.get(model)
    if (versions === undefined) this.#models.set(model, (versions = new Map()))
    let counts = versions.get(version)
    if (counts === undefined) versions.set(version, (counts = new VersionCounts()))
    return counts
  }
}
