// Runs one group of requests: together, and one by one when that fails, so that a bad request fails
// alone.
import { randomUUID } from "node:crypto"
import { BatchIndivisible, concatenate, rowsOf, split } from "../core/inference/batch.ts"
import type { Engine } from "../core/inference/engine.ts"
import { RunOverdue } from "../core/inference/worker-pool.ts"
import { RunMemory } from "../core/inference/run-memory.ts"
import { ModelRunFailed } from "../core/inference/session.ts"
import { TensorUnreadable } from "../core/inference/tensor-data.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import { membersDigest } from "../proto/digest.ts"
import type { Tensor } from "../proto/tensor.ts"
import type { Group } from "./batcher.ts"
import { failedWork, predictedFact, type RunRecord } from "./facts.ts"
import type { PredictorMetrics } from "./metrics.ts"
import type { Settler } from "./settle.ts"
import { isSuspect, type Work } from "./work.ts"

/** A request whose run was cut off through no fault of its own is delivered again after this. */
const CUT_OFF_PAUSE_MILLIS = 250
const MICROS_PER_MILLI = 1_000
const MICROS_PER_SECOND = 1_000_000

export interface RunnerOptions {
  readonly engine: Engine
  readonly logger: Logger
  readonly settler: Settler
  readonly metrics: PredictorMetrics
  readonly runtime: string
  readonly now: () => number
  /** Told of each run that did not end in its time: its thread is lost until the process ends. */
  readonly onOverdue: () => void
}

/** The input itself is at fault, not the circumstances. */
const isInputFault = (cause: unknown): boolean =>
  cause instanceof ModelRunFailed ||
  cause instanceof TensorUnreadable ||
  cause instanceof BatchIndivisible

export class Runner {
  readonly #options: RunnerOptions
  readonly #memory = new RunMemory()

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /**
   * Runs the group, and says in microseconds how long that took. Settling goes on after it
   * resolves. Never rejects: every request of the group ends with a fact or is handed back to the
   * queue.
   */
  async run(group: Group): Promise<number> {
    const { now, settler } = this.#options
    const begun = now()
    try {
      const { micros, parts, record } = await this.#runTogether(group, begun)
      const { works, chosen } = group
      let offset = 0
      for (let index = 0; index < works.length; index++) {
        const work = works[index]
        if (work === undefined) continue
        const size = rowsOf(work.request) ?? 1
        const fact = predictedFact(work, chosen, parts[index] ?? [], record, offset, size)
        offset += size
        void settler.predicted(work, fact)
      }
      return micros
    } catch (cause) {
      await this.#fall(group, cause)
      return (now() - begun) * MICROS_PER_MILLI
    }
  }

  async #runTogether(group: Group, begun: number) {
    const { engine, metrics, now, runtime } = this.#options
    const { chosen, works, rows } = group
    const model = works[0]?.model ?? ""
    const taken = performance.now()
    const members = works.map((work) => work.request)
    const batch = concatenate(chosen.signature, members, this.#memory)
    const { ran, micros, outputs } = await engine
      .run(chosen.digest, batch.inputs, batch.outputs, apart(works))
      .finally(() => batch.inputs.forEach(({ data }) => this.#memory.giveBack(data)))
    const runEnded = performance.now()
    const parts: ReadonlyArray<ReadonlyArray<Tensor>> = split(outputs, members, batch.sizes)
    metrics.ranBatch(group, ran, micros / MICROS_PER_SECOND, model)
    const outputMicros = (performance.now() - runEnded) * MICROS_PER_MILLI
    // The way to a worker and back is part of the preparation.
    const inputMicros = Math.max(0, (runEnded - taken) * MICROS_PER_MILLI - micros)
    metrics.statistics.ran(model, group, { begun, inputMicros, inferMicros: micros, outputMicros })
    const ids = membersDigest(works.map((work) => work.id))
    const shared = { id: randomUUID(), rows, members: ids, ran }
    const record: RunRecord = { batch: shared, begun, ended: now(), runtime }
    return { micros, parts, record }
  }

  async #fall(group: Group, cause: unknown): Promise<void> {
    const { settler, logger } = this.#options
    const { works, chosen } = group
    const overdue = cause instanceof RunOverdue
    if (overdue) this.#options.onOverdue()
    // Which of several does not end is told by the next delivery, when each runs alone.
    if (!isInputFault(cause) && !(overdue && works.length === 1)) {
      logger.warn("a batch was cut off", { requests: works.length, reason: reasonOf(cause) })
      for (const work of works) work.delivery.nak(CUT_OFF_PAUSE_MILLIS)
      return
    }
    const only = works[0]
    if (works.length === 1 && only !== undefined) {
      await settler.failed(failedWork(only, chosen, "model_error", reasonOf(cause)))
      return
    }
    for (const work of works) await this.run(aloneGroup(group, work))
  }
}

/** What was delivered before may be what ended the process that had it. */
const apart = (works: ReadonlyArray<Work>): "apart" | undefined =>
  works.some(isSuspect) ? "apart" : undefined

/** The group of one request that shares its run with no other. */
export const aloneGroup = ({ chosen }: Pick<Group, "chosen">, work: Work): Group => ({
  chosen,
  works: [work],
  rows: rowsOf(work.request) ?? 1,
  closed: "alone",
})
