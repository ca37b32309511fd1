// Worker threads that run models: started when first needed, each with a bounded queue, replaced
// when they die. It does not choose what runs here; a native crash ends the whole process, which no
// thread can prevent.
import { Schema } from "effect"
import type { Tensor } from "#proto/tensor"
import { ModelRefused } from "./model-refused.ts"
import { ModelRunFailed, type Ran } from "./session.ts"
import { type FromWorker, movable, type ToWorker } from "./worker-messages.ts"

/**
 * Runs that wait in one worker, the one that runs included; beyond that the caller has to hold its
 * batches itself.
 */
export const WORKER_QUEUE_MAX = 64
/**
 * Wait before a worker that died is started again: doubles with each death in a row, up to the
 * longest.
 */
const RESTART_WAIT_MILLIS = 50
const RESTART_WAIT_MAX_MILLIS = 10_000
/** A thread that is still in a run after this is left behind: nothing can stop a run. */
const CLOSE_WAIT_MILLIS = 10_000
/** Far above any run that someone waits for; a model that loops for ever must not hold a worker. */
const RUN_MAX_MILLIS = 120_000
/** Parts of that time that are waited for one by one: time in which we stood still counts once. */
const WATCH_STEPS = 10

/** The worker died with this run in its hands; the run may be tried again. */
export class WorkerLost extends Schema.TaggedError<WorkerLost>()("WorkerLost", {
  reason: Schema.String,
}) {
  override get message() {
    return `the worker thread was lost: ${this.reason}`
  }
}

/** This run did not end in its time, and its thread cannot be freed: the process should end. */
export class RunOverdue extends Schema.TaggedError<RunOverdue>()("RunOverdue", {
  millis: Schema.Int,
}) {
  override get message() {
    return `the run did not end within ${this.millis} ms`
  }
}

/** All workers have as many runs queued as they may: try again when one has ended. */
export class WorkersBusy extends Schema.TaggedError<WorkersBusy>()("WorkersBusy", {
  queued: Schema.Int,
}) {
  override get message() {
    return `all workers are busy: ${this.queued} runs are queued`
  }
}

export interface PoolOptions {
  readonly workers: number
  /** Longest run, loading the model included, before its worker is given up. */
  readonly runMaxMillis?: number
  /** Told of each worker thread that is started. */
  readonly onWorker?: (worker: Worker) => void
}

export interface PoolRun {
  readonly digest: string
  /** For workers that do not have the model yet. */
  readonly bytes: Uint8Array
  readonly inputs: ReadonlyArray<Tensor>
  readonly outputs: ReadonlyArray<string> | undefined
}

export interface WorkerStats {
  readonly running: boolean
  readonly queued: number
  /** How often it died. */
  readonly deaths: number
}

export interface WorkerPool {
  /**
   * Rejects with ModelRunFailed, RunOverdue, WorkerLost, WorkersBusy, or ModelRefused when the
   * model cannot be loaded.
   */
  readonly run: (run: PoolRun) => Promise<Ran>
  readonly unload: (digest: string) => void
  readonly stats: () => ReadonlyArray<WorkerStats>
  /** Ends the threads; runs that are still queued reject with WorkerLost. */
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly run: PoolRun
  readonly resolve: (ran: Ran) => void
  readonly reject: (error: ModelRunFailed | ModelRefused | WorkerLost | RunOverdue) => void
}

/** One place for a worker; the thread in it comes and goes. */
class Slot {
  readonly waiting = new Map<number, Waiting>()
  deaths = 0
  #deathsInARow = 0
  #worker: Worker | undefined
  #loaded = new Set<string>()
  #restart: ReturnType<typeof setTimeout> | undefined
  #nextRun = 0
  #closed = false

  #overdue: ReturnType<typeof setTimeout> | undefined
  readonly #options: PoolOptions

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#worker !== undefined
  }

  /**
   * Lower is better: few runs, a living worker before one to be started, one that just died last.
   */
  get load(): number {
    const dead = this.#restart === undefined ? 0 : WORKER_QUEUE_MAX
    return this.waiting.size + dead + (this.running ? 0 : 0.5)
  }

  run(run: PoolRun): Promise<Ran> {
    if (this.#closed) return Promise.reject(new WorkerLost({ reason: "the engine was closed" }))
    const { promise, resolve, reject } = Promise.withResolvers<Ran>()
    const id = this.#nextRun++
    const waiting = { run, resolve, reject }
    this.waiting.set(id, waiting)
    // After a death the runs wait for the next worker, which is not started at once.
    if (this.#worker === undefined && this.#restart === undefined) this.#start()
    else if (this.#worker !== undefined) this.#send(this.#worker, id, waiting)
    return promise
  }

  unload(digest: string): void {
    if (this.#loaded.delete(digest)) this.#worker?.postMessage({ type: "unload", digest })
  }

  /** Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    this.#worker = undefined
    this.#rejectAll("the engine was closed")
    if (worker === undefined) return
    // Never terminate(): a thread that is ended inside a run takes the whole process with it.
    const { promise, resolve } = Promise.withResolvers<void>()
    const overdue = setTimeout(resolve, CLOSE_WAIT_MILLIS)
    worker.addEventListener("close", () => resolve())
    worker.postMessage({ type: "close" } satisfies ToWorker)
    await promise
    clearTimeout(overdue)
  }

  #start(): void {
    const worker = new Worker(new URL("./inference-worker.ts", import.meta.url).href)
    this.#worker = worker
    this.#options.onWorker?.(worker)
    this.#loaded = new Set()
    let reason = "it ended"
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      if (this.#worker === worker) this.#settle(event.data)
    }
    worker.onerror = (event) => {
      event.preventDefault()
      reason = event.message
    }
    worker.addEventListener("close", () => {
      if (this.#worker === worker) this.#lost(reason)
    })
    for (const [id, waiting] of this.waiting) this.#send(worker, id, waiting)
  }

  #send(worker: Worker, run: number, { run: wanted }: Waiting): void {
    const post = (message: ToWorker, buffers: Array<ArrayBuffer> = []) =>
      worker.postMessage(message, buffers)
    const { digest, bytes, outputs } = wanted
    if (this.#overdue === undefined) this.#watch()
    if (!this.#loaded.has(digest)) {
      this.#loaded.add(digest)
      post({ type: "load", digest, bytes })
    }
    const { tensors, buffers } = movable(wanted.inputs)
    post({ type: "run", run, digest, inputs: tensors, outputs }, buffers)
  }

  #settle(message: FromWorker): void {
    const waiting = this.waiting.get(message.run)
    this.waiting.delete(message.run)
    this.#deathsInARow = 0
    this.#watch()
    if (message.type === "ran")
      waiting?.resolve({ outputs: message.outputs, micros: message.micros })
    else if (message.type === "failed")
      waiting?.reject(new ModelRunFailed({ reason: message.reason }))
    else waiting?.reject(new ModelRefused({ reason: message.reason }))
  }

  /** Gives the run that is now the first its whole time. */
  #watch(): void {
    clearTimeout(this.#overdue)
    this.#overdue = undefined
    if (this.waiting.size === 0) return
    const limit = this.#options.runMaxMillis ?? RUN_MAX_MILLIS
    const step = (left: number) => {
      if (left > 0) {
        this.#overdue = setTimeout(() => step(left - 1), limit / WATCH_STEPS)
        return
      }
      // Nothing can stop a run: the thread is left behind and ends by itself, if its run ever does.
      this.#worker?.postMessage({ type: "close" } satisfies ToWorker)
      this.#rejectFirst(new RunOverdue({ millis: limit }))
      this.#lost(`a run took longer than ${limit} ms`)
    }
    step(WATCH_STEPS)
  }

  #lost(reason: string): void {
    this.deaths++
    const wait = Math.min(RESTART_WAIT_MILLIS * 2 ** this.#deathsInARow++, RESTART_WAIT_MAX_MILLIS)
    this.#worker = undefined
    this.#rejectAll(reason)
    if (this.#closed) return
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      // Started only when something waits; else the next run starts it.
      if (this.waiting.size > 0) this.#start()
    }, wait)
  }

  /** Runs are answered in their order: the first is the one under way. */
  #rejectFirst(error: RunOverdue): void {
    const [first] = this.waiting
    if (first === undefined) return
    this.waiting.delete(first[0])
    first[1].reject(error)
  }

  #rejectAll(reason: string): void {
    clearTimeout(this.#overdue)
    this.#overdue = undefined
    const lost = [...this.waiting.values()]
    this.waiting.clear()
    for (const { reject } of lost) reject(new WorkerLost({ reason }))
  }
}

/** A pool of `workers` threads, at least one; none is started before its first run. */
export const makeWorkerPool = (options: PoolOptions): WorkerPool => {
  const slots = Array.from({ length: Math.max(1, options.workers) }, () => new Slot(options))
  return {
    run: async (run) => {
      const slot = slots.reduce((best, next) => (next.load < best.load ? next : best))
      if (slot.waiting.size >= WORKER_QUEUE_MAX)
        throw new WorkersBusy({ queued: slots.reduce((sum, { waiting }) => sum + waiting.size, 0) })
      return slot.run(run)
    },
    unload: (digest) => {
      for (const slot of slots) slot.unload(digest)
    },
    stats: () =>
      slots.map(({ running, waiting, deaths }) => ({ running, queued: waiting.size, deaths })),
    close: async () => {
      await Promise.all(slots.map((slot) => slot.close()))
    },
  }
}
