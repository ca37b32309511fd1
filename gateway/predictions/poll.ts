// Waiting for the answer of a request that somebody sent before: a long poll on the log. It ends
// early when this process is told to stop, so that no caller holds it up.
import { storedSubject } from "#proto/subjects"
import type { Log } from "#core/log/log"
import type { Caller } from "../access/caller.ts"
import type { Seats } from "../access/seats.ts"
import { readFact } from "./fact-view.ts"
import { visible, type FindPrediction, type Found } from "./predictions.ts"
import { repeated, type StoredFact, type Waiters } from "../inference/waiters.ts"

export interface PollOptions {
  readonly log: Log
  readonly find: FindPrediction
  /** Of polls alone: they take no room from requests. */
  readonly waiters: Waiters
  /** Of the polls that wait; others are told at once what is known. */
  readonly seats: Seats
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** Aborted when the process is told to stop. */
  readonly stopping: AbortSignal
}

export interface Poll {
  readonly caller: Caller
  readonly model: string
  readonly id: string
  /** 0 for a look without a wait. */
  readonly waitMillis: number
  /** Aborted when the caller has gone. */
  readonly gone: AbortSignal
}

export class Polls {
  readonly #options: PollOptions

  constructor(options: PollOptions) {
    this.#options = options
  }

  /** What is known of an id: at once when it is final, else after the wait. */
  async wait(poll: Poll): Promise<Found> {
    const { caller, model, id, waitMillis } = poll
    const { seats, stopping } = this.#options
    const find = async () => visible(await this.#options.find(model, id), caller, model, id)
    if (waitMillis === 0 || stopping.aborted) return find()
    const seat = seats.take(caller)
    if (seat.kind === "taken") return find()
    try {
      return await this.#waitFor(poll, find)
    } finally {
      seat.leave()
    }
  }

  async #waitFor(
    { model, id, waitMillis, gone }: Poll,
    find: () => Promise<Found>,
  ): Promise<Found> {
    const { waiters, stopping } = this.#options
    const { promise, resolve } = Promise.withResolvers<StoredFact | undefined>()
    // Subscribed before the first look, on the same connection: no fact can come between the two.
    const subscription = this.#options.log.connection.subscribe(storedSubject(model, id), {
      callback: (error, message) => {
        if (error === null) resolve(repeated(message))
      },
    })
    const waiter = waiters.add({
      model,
      id,
      deadline: this.#options.now() + waitMillis,
      onFact: resolve,
      onEnd: () => resolve(undefined),
    })
    const end = () => resolve(undefined)
    const signals = [stopping, gone]
    for (const signal of signals) signal.addEventListener("abort", end)
    try {
      const found = await find()
      if (found.kind !== "queued") return found
      const stored = await promise
      return stored === undefined ? find() : answered(stored, id, found)
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", end)
      waiters.settle(waiter)
      if (!this.#options.log.connection.isClosed()) subscription.unsubscribe()
    }
  }
}

const answered = ({ bytes, position }: StoredFact, id: string, otherwise: Found): Found => {
  try {
    const fact = readFact(bytes)
    return fact.id === id ? { kind: "answered", fact, position, replayed: false } : otherwise
  } catch {
    // Not from a predictor of ours; the log has what is true.
    return otherwise
  }
}
