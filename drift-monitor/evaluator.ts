// The monitor's side of the evaluation thread: windows in, evaluations out, in order. A thread that
// dies ends the monitor: what was not written is folded again at the next start.
import type { Evaluation } from "../core/drift/evaluate.ts"
import type { Remembered } from "../core/drift/online.ts"
import type { DriftSettings } from "../core/drift/settings.ts"
import type { Table } from "../core/drift/table.ts"
import { buffersOf, type FromEvaluation, type ToEvaluation } from "./evaluation-messages.ts"

export interface Evaluated {
  readonly evaluation: Evaluation
  /** Milliseconds in the thread, the wait for it not included. */
  readonly millis: number
}

interface Waiting {
  readonly resolve: (evaluated: Evaluated) => void
  readonly reject: (cause: Error) => void
}

/** A thread that is still at a window after this is left behind. */
const CLOSE_WAIT_MILLIS = 10_000

export class Evaluator {
  readonly #worker = new Worker(new URL("./evaluation-worker.ts", import.meta.url).href)
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #ended: Error | undefined
  /** Rejects when the thread dies by itself. */
  readonly died: Promise<never>

  constructor() {
    const { promise, reject } = Promise.withResolvers<never>()
    this.died = promise
    promise.catch(() => undefined)
    const end = (reason: string) => {
      this.#ended ??= new Error(`the evaluation thread ended: ${reason}`)
      for (const waiting of this.#waiting.values()) waiting.reject(this.#ended)
      this.#waiting.clear()
      reject(this.#ended)
    }
    this.#worker.addEventListener("message", (event: MessageEvent<FromEvaluation>) =>
      this.#answered(event.data),
    )
    this.#worker.addEventListener("error", (event) => end(event.message))
    this.#worker.addEventListener("close", () => end("closed"))
  }

  /** Sets what windows of this name are compared with. The table moves there and is empty here. */
  reference(name: string, table: Table, settings: DriftSettings): void {
    this.#send({ type: "reference", name, table, settings }, buffersOf(table))
  }

  forget(name: string): void {
    this.#send({ type: "forget", name })
  }

  /** Tests a window. The table moves there and is empty here. */
  evaluate(name: string, table: Table, seed: number, online: Remembered): Promise<Evaluated> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const { promise, resolve, reject } = Promise.withResolvers<Evaluated>()
    const job = this.#next++
    this.#waiting.set(job, { resolve, reject })
    this.#send({ type: "window", job, name, table, seed, online }, buffersOf(table))
    return promise
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const overdue = setTimeout(resolve, CLOSE_WAIT_MILLIS)
    this.#worker.addEventListener("close", () => resolve())
    this.#send({ type: "close" })
    await promise
    clearTimeout(overdue)
  }

  #send(message: ToEvaluation, buffers: Array<ArrayBuffer> = []): void {
    this.#worker.postMessage(message, buffers)
  }

  #answered(answer: FromEvaluation): void {
    const waiting = this.#waiting.get(answer.job)
    this.#waiting.delete(answer.job)
    if (answer.type === "evaluated") waiting?.resolve(answer)
    else waiting?.reject(new Error(answer.reason))
  }
}
