// The marks of all models as they are set, and how far the log is copied: what windows by marks
// wait for.
import { readMark } from "../core/findings/marks.ts"
import type { FactSource } from "../core/findings/sources.ts"
import { follow } from "../core/log/follow.ts"
import { historyStatus } from "../core/log/history.ts"
import type { Log } from "../core/log/log.ts"
import { lookUp } from "../core/log/leader-lookup.ts"
import { ALL_MARKS, type MarkSet } from "../proto/finding.ts"
import { FINDINGS } from "../proto/subjects.ts"

/** Between two looks whether the copying has come to a position; nothing announces it. */
const LOOK_AGAIN_MILLIS = 100

type Listener = (mark: MarkSet) => void

/** Ends early when the signal aborts. */
export const pause = (millis: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  const timer = setTimeout(resolve, millis)
  signal.addEventListener("abort", () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}

export class MarkBoard {
  readonly #log: Log
  readonly #capacity: number
  readonly #marks: Array<MarkSet> = []
  readonly #listeners = new Map<Listener, string>()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  readonly #first: Promise<void>

  /** `capacity` is the number of messages that the hot log may hold. */
  private constructor(log: Log, capacity: number) {
    this.#log = log
    this.#capacity = capacity
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#first = promise
    this.#running = this.#run(resolve)
    this.#running.catch(() => undefined)
  }

  /** Resolves when every mark is known that was set by then. */
  static async open(log: Log, capacity: number): Promise<MarkBoard> {
    const board = new MarkBoard(log, capacity)
    await Promise.race([board.#first, board.#running])
    return board
  }

  /** Rejects when the marks can no longer be followed. */
  get done(): Promise<void> {
    return this.#running
  }

  positions(model: string): ReadonlyArray<number> {
    return this.#marks.filter((mark) => mark.model === model).map(({ position }) => position)
  }

  /** Told of each mark of a model that is set from now on. */
  follow(model: string, listener: Listener): () => void {
    this.#listeners.set(listener, model)
    return () => this.#listeners.delete(listener)
  }

  /** Position of the last mark of this name. */
  position(model: string, name: string): number | undefined {
    return this.#marks.findLast((mark) => mark.model === model && mark.name === name)?.position
  }

  /** Resolves with true when all facts up to a position are in the long log; false when aborted. */
  async copied(position: number, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const { copiedPosition } = await historyStatus(this.#log, this.#capacity)
      if (copiedPosition >= position) return true
      await pause(LOOK_AGAIN_MILLIS, signal)
    }
    return false
  }

  /**
   * Resolves with true when a model's facts up to a position are taken, by `taken`; with false when
   * aborted, or when a later fact of the model will show it anyway.
   */
  async reached(
    source: FactSource,
    position: number,
    taken: () => number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!(await this.copied(position, signal))) return false
    const last = await source.last()
    if (last > position) return false
    while (!signal.aborted) {
      if (taken() >= last) return true
      await pause(LOOK_AGAIN_MILLIS, signal)
    }
    return false
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running.catch(() => undefined)
  }

  async #run(caughtUp: () => void): Promise<void> {
    const { state } = await this.#log.manager.streams.info(FINDINGS)
    const last = await lookUp(this.#log, FINDINGS, { last_by_subj: ALL_MARKS })
    if (last === undefined) caughtUp()
    const options = {
      stream: FINDINGS,
      from: Math.max(1, state.first_seq),
      filter: ALL_MARKS,
      signal: this.#abort.signal,
    }
    for await (const entry of follow(this.#log, options)) {
      const mark = readMark(entry)
      this.#marks.push(mark)
      for (const [listener, model] of this.#listeners) if (model === mark.model) listener(mark)
      if (entry.sequence >= (last?.sequence ?? 0)) caughtUp()
    }
  }
}
