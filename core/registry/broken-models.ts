// Models whose release facts cannot be read, and when they can be again: the message in the way is
// looked for at intervals, and once it is gone the model is read anew. It removes nothing itself.
import { EVENTS } from "#proto/subjects"
import type { Log } from "../log/log.ts"
import { readFromLeader } from "../log/read.ts"
import { reasonOf, type Logger } from "../service/logger.ts"
import { readRelease, type ReleaseAt } from "./commands.ts"
import { ReleaseUnreadable } from "./release-fact.ts"

/** Between two looks whether what could not be read is gone; one small question a broken model. */
export const BROKEN_LOOK_MILLIS = 2_000

export class BrokenModels {
  readonly #log: Log
  readonly #logger: Logger | undefined
  readonly #onMended: (at: ReleaseAt) => void
  readonly #broken = new Map<string, ReleaseUnreadable>()
  /** The last sequence of a broken model that the projection passed by. */
  readonly #passed = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #looking: Promise<void> | undefined
  #closed = false

  constructor(log: Log, logger: Logger | undefined, onMended: (at: ReleaseAt) => void) {
    this.#log = log
    this.#logger = logger
    this.#onMended = onMended
  }

  get all(): ReadonlyMap<string, ReleaseUnreadable> {
    return this.#broken
  }

  /** Whether a fact is left for the reading anew, since its model is broken. */
  passes(model: string, sequence: number): boolean {
    if (!this.#broken.has(model)) return false
    this.#passed.set(model, sequence)
    return true
  }

  add(unreadable: ReleaseUnreadable): void {
    const { model, sequence } = unreadable
    if (this.#broken.get(model)?.sequence !== sequence)
      this.#logger?.error("a model is unavailable", { model, sequence, reason: unreadable.message })
    this.#broken.set(model, unreadable)
    this.#lookLater()
  }

  /** Looks whether any model can be read again; all who ask at once share one look. */
  async look(): Promise<void> {
    if (this.#broken.size === 0) return
    this.#looking ??= this.#lookAtAll()
    await this.#looking
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #lookLater(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.look(), BROKEN_LOOK_MILLIS)
    // A command that only reads the releases must be able to end.
    this.#timer.unref()
  }

  async #lookAtAll(): Promise<void> {
    for (const unreadable of [...this.#broken.values()]) {
      if (this.#closed) return
      try {
        await this.#lookAt(unreadable)
      } catch (cause) {
        if (cause instanceof ReleaseUnreadable) this.add(cause)
        else this.#logger?.warn("releases could not be read anew", { reason: reasonOf(cause) })
      }
    }
    this.#looking = undefined
    if (this.#broken.size > 0) this.#lookLater()
  }

  async #lookAt({ model, sequence: seq }: ReleaseUnreadable): Promise<void> {
    if ((await readFromLeader(this.#log, EVENTS, { seq })) !== undefined) return
    const before = this.#passed.get(model)
    const at = await readRelease(this.#log, model)
    const passed = this.#passed.get(model)
    // What was passed by meanwhile may be newer than what was read; the next look has it.
    const isOld = passed !== before && passed !== undefined && passed > at.sequence
    if (this.#closed || isOld) return
    this.#broken.delete(model)
    this.#passed.delete(model)
    this.#logger?.info("a model can be read again", { model })
    this.#onMended(at)
  }
}
