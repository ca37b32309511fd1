// Runs models where it is cheapest: on the calling thread while a run is short, in worker threads
// when it is not. It is told which models to hold and which inputs belong together, and checks no
// request.
import { Schema } from "effect"
import type { Signature } from "#proto/signature"
import { elementCount, type Tensor } from "#proto/tensor"
import { BATCH_ROWS_MAX } from "./batch.ts"
import { makeRunCost, type RunCost } from "./run-cost.ts"
import { type ModelSession, openSession, type Ran } from "./session.ts"
import { elementsOf, warmUp } from "./warm-up.ts"
import {
  makeWorkerPool,
  type PoolOptions,
  type WorkerPool,
  type WorkerStats,
} from "./worker-pool.ts"

/** Microseconds: a worker adds 60 to 150 to a run, and a blocked thread answers nobody. */
export const INLINE_MAX_MICROS = 200
/**
 * A size of which little is known may seem so many times too slow before it runs in a worker: a
 * thread that is started for a few runs stays, and takes 20 MB.
 */
const UNKNOWN_FACTOR = 4
/** Threads for runs that nobody should wait for, started when first needed. */
export const APART_THREADS = 4
/**
 * Bytes of a model file: larger models are loaded in workers only, not once more on the calling
 * thread.
 */
const INLINE_MODEL_MAX_BYTES = 16 << 20

/** The engine does not hold this model (any more). */
export class ModelNotLoaded extends Schema.TaggedError<ModelNotLoaded>()("ModelNotLoaded", {
  digest: Schema.String,
}) {
  override get message() {
    return `no model with digest ${this.digest} is loaded`
  }
}

/** `workers` is all cores but one. */
export interface EngineOptions extends PoolOptions {
  readonly inlineMaxMicros?: number
  /** A steady clock, in microseconds. */
  readonly nowMicros: () => number
}

export interface LoadedModel {
  readonly digest: string
  /** The model file; they must not change while it is loaded. */
  readonly bytes: Uint8Array
  readonly signature: Signature
}

export interface EngineRun extends Ran {
  readonly ran: "inline" | "worker"
}

export interface EngineStats {
  readonly models: ReadonlyArray<{
    readonly digest: string
    readonly inline: number
    readonly worker: number
    /** Estimated microseconds of a run of one row; absent before the first run. */
    readonly rowMicros?: number
  }>
  readonly workers: ReadonlyArray<WorkerStats>
}

export interface Engine {
  /**
   * Loads and warms up; resolves when the model can run without delay. The same digest again is a
   * no-op. Rejects with ModelRefused when the runtime cannot load it.
   */
  readonly load: (model: LoadedModel) => Promise<void>
  /** Forgets the model at once and frees it after the runs that were begun. */
  readonly unload: (digest: string) => Promise<void>
  readonly has: (digest: string) => boolean
  /**
   * One run. The bytes of `inputs` must not change meanwhile; those of the outputs belong to the
   * caller. Outputs come in the order in which `outputs` names them (all, in the model's order,
   * when absent). `apart` runs it in threads of which ordinary runs have no need. Rejects with
   * ModelRunFailed (this input fails), RunOverdue (it did not end), ModelNotLoaded, WorkerLost or
   * WorkersBusy (worth another try).
   */
  readonly run: (
    digest: string,
    inputs: ReadonlyArray<Tensor>,
    outputs?: ReadonlyArray<string>,
    apart?: "apart",
  ) => Promise<EngineRun>
  /**
   * Most rows of a batch that still runs inline by the estimate; BATCH_ROWS_MAX when one row does
   * not.
   */
  readonly rowsInlineMax: (digest: string) => number
  readonly stats: () => EngineStats
  /**
   * Waits for the runs on this thread and ends the workers; queued runs there reject with
   * WorkerLost.
   */
  readonly close: () => Promise<void>
}

interface Held {
  readonly model: LoadedModel
  readonly cost: RunCost
  /** Absent when the model runs in workers only. */
  readonly session: ModelSession | undefined
  /** Elements of one row; undefined when it has none or their number varies. */
  readonly rowElements: number | undefined
  inline: number
  worker: number
  /** Runs under way on this thread, and who waits for their end. */
  running: number
  idle: (() => void) | undefined
}

const rowElementsOf = ({ batching, inputs }: Signature): number | undefined => {
  if (!batching) return undefined
  const elements = inputs.reduce((sum, { shape }) => sum + elementCount(shape.slice(1)), 0)
  const fixed = inputs.every(({ shape }) => !shape.slice(1).includes(-1))
  return fixed && elements > 0 ? elements : undefined
}

/** An engine without models. Nothing runs, and no worker is started, before the first `load`. */
export const makeEngine = (options: EngineOptions): Engine => {
  const { nowMicros, inlineMaxMicros = INLINE_MAX_MICROS } = options
  const held = new Map<string, Held>()
  const loading = new Map<string, Promise<void>>()
  const pool = makeWorkerPool(options)
  const poolApart = makeWorkerPool({ ...options, workers: APART_THREADS })
  const find = (digest: string): Held => {
    const model = held.get(digest)
    if (model === undefined) throw new ModelNotLoaded({ digest })
    return model
  }
  return {
    load: async (model) => {
      if (held.has(model.digest)) return
      const under = loading.get(model.digest)
      if (under !== undefined) return under
      const load = hold(model, pool, nowMicros, inlineMaxMicros)
        .then((loaded) => void held.set(model.digest, loaded))
        .finally(() => loading.delete(model.digest))
      loading.set(model.digest, load)
      return load
    },
    unload: async (digest) => {
      if (loading.has(digest)) await loading.get(digest)?.catch(() => undefined)
      const model = held.get(digest)
      held.delete(digest)
      pool.unload(digest)
      poolApart.unload(digest)
      if (model !== undefined) await letGo(model)
    },
    has: (digest) => held.has(digest),
    run: async (digest, inputs, outputs, apart) => {
      const model = find(digest)
      if (apart !== undefined) return runInWorker(model, poolApart, inputs, outputs)
      const elements = elementsOf(inputs)
      const estimate = model.cost.estimate(elements) ?? Number.POSITIVE_INFINITY
      const limit = inlineMaxMicros * (model.cost.isKnown(elements) ? 1 : UNKNOWN_FACTOR)
      const ran =
        model.session !== undefined && estimate < limit
          ? await runInline(model, model.session, inputs, outputs)
          : await runInWorker(model, pool, inputs, outputs)
      model.cost.observe(elements, ran.micros)
      return ran
    },
    rowsInlineMax: (digest) => rowsInlineMax(find(digest), inlineMaxMicros),
    stats: () => ({ models: [...held.values()].map(statsOf), workers: pool.stats() }),
    close: async () => {
      const models = [...held.values()]
      held.clear()
      await Promise.all([pool.close(), poolApart.close(), ...models.map(letGo)])
    },
  }
}

const hold = async (
  model: LoadedModel,
  pool: WorkerPool,
  nowMicros: () => number,
  inlineMaxMicros: number,
): Promise<Held> => {
  const cost = makeRunCost()
  const { signature, digest, bytes } = model
  const runInPool = (inputs: ReadonlyArray<Tensor>) =>
    pool.run({ digest, bytes, inputs, outputs: undefined })
  let session: ModelSession | undefined
  if (bytes.byteLength <= INLINE_MODEL_MAX_BYTES) {
    session = await openSession(bytes, nowMicros)
    await warmUp(signature, session.run, inlineMaxMicros, cost.observe)
  }
  const rowElements = rowElementsOf(signature)
  const smallest = rowElements ?? 1
  if ((cost.estimate(smallest) ?? 0) >= inlineMaxMicros) {
    // Not even one row is short enough: the copy on this thread would never be used.
    await session?.release()
    session = undefined
  }
  if (session === undefined) await warmUp(signature, runInPool, inlineMaxMicros, cost.observe)
  return { model, cost, session, rowElements, inline: 0, worker: 0, running: 0, idle: undefined }
}

const runInline = async (
  model: Held,
  session: ModelSession,
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<string> | undefined,
): Promise<EngineRun> => {
  model.running++
  try {
    const ran = await session.run(inputs, outputs)
    model.inline++
    return { ...ran, ran: "inline" }
  } finally {
    model.running--
    if (model.running === 0) model.idle?.()
  }
}

const runInWorker = async (
  model: Held,
  pool: WorkerPool,
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<string> | undefined,
): Promise<EngineRun> => {
  const { digest, bytes } = model.model
  const ran = await pool.run({ digest, bytes, inputs, outputs })
  model.worker++
  return { ...ran, ran: "worker" }
}

/** Frees the session of this thread once the runs that were begun have ended. */
const letGo = async (model: Held): Promise<void> => {
  if (model.running > 0) {
    await new Promise<void>((resolve) => {
      model.idle = resolve
    })
  }
  await model.session?.release()
}

const rowsInlineMax = (model: Held, inlineMaxMicros: number): number => {
  const { rowElements, session, cost } = model
  if (session === undefined || rowElements === undefined) return BATCH_ROWS_MAX
  const short = (rows: number) => (cost.estimate(rows * rowElements) ?? 0) < inlineMaxMicros
  if (!short(1)) return BATCH_ROWS_MAX
  let rows = 1
  while (rows * 2 <= BATCH_ROWS_MAX && short(rows * 2)) rows *= 2
  return rows
}

const statsOf = ({ model, inline, worker, cost, rowElements }: Held) => {
  const rowMicros = cost.estimate(rowElements ?? 1)
  return {
    digest: model.digest,
    inline,
    worker,
    ...(rowMicros === undefined ? {} : { rowMicros }),
  }
}
