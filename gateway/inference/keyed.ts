// Requests with an idempotency key: the same key and body get the same bytes, from any gateway, for
// as long as the hot log holds the fact. The log decides: its one fact per id is the proof,
// everything here only finds it early.
import type { Log } from "#core/log/log"
import { readLast, type StoredMessage } from "#core/log/read"
import { DIGEST } from "#proto/headers"
import { keyedId } from "#proto/ids"
import { REQUESTS, requestSubject, storedSubject } from "#proto/subjects"
import type { Prepared } from "./prepare.ts"
import type { Flight, Outcome } from "./flight.ts"
import type { Submitter } from "./submit.ts"
import { repeated } from "./waiters.ts"

export interface KeyedOptions {
  readonly log: Log
  readonly submitter: Submitter
  readonly replicas: number
}

export class KeyedSubmitter {
  readonly #options: KeyedOptions

  constructor(options: KeyedOptions) {
    this.#options = options
  }

  /** Never rejects. */
  submit(prepared: Prepared, key: string): Promise<Outcome> {
    const { log, submitter } = this.#options
    const { model, handling } = prepared
    const id = keyedId(handling.caller ?? "", model, key)
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    // Subscribed before the first look, on the same connection: no fact can be stored between the
    // two unnoticed.
    const subscription = log.connection.subscribe(storedSubject(model, id), {
      callback: (error, message) => {
        if (error !== null) return
        submitter.arrived(flight, repeated(message), false)
      },
    })
    const flight = submitter.open(id, prepared, resolve, {
      onQueued: (queued) => void this.#join(queued),
      onEnd: () => subscription.unsubscribe(),
    })
    void this.#begin(flight)
    return promise
  }

  /** Answers from the fact if there is one; else publishes, unless the gate refuses. */
  async #begin(flight: Flight): Promise<void> {
    const { submitter } = this.#options
    try {
      const found = await submitter.waiters.read(flight.prepared.model, flight.id)
      if (found !== undefined) {
        submitter.arrived(flight, { bytes: found.data, position: found.sequence }, true)
        return
      }
    } catch {
      // The look-up only saves work: whether there is a fact already, the predictor finds out as
      // well.
    }
    const closed = flight.prepared.refused ?? submitter.closedFor()
    if (closed === undefined) submitter.publish(flight)
    else submitter.finish(flight, { ...closed, id: flight.id })
  }

  /** Waits for the request in flight, if it asks the same. */
  async #join(flight: Flight): Promise<void> {
    const { log, submitter, replicas } = this.#options
    let queued: StoredMessage | undefined
    try {
      const subject = requestSubject(flight.prepared.model, flight.id)
      queued = await readLast(log, REQUESTS, subject, replicas)
    } catch {
      flight.reason = "the queue could not be read"
      submitter.publishLater(flight)
      return
    }
    if (queued === undefined) {
      // Finished in between: its fact is there now, or it is gone and the next publish is taken.
      if (flight.waiter !== undefined) await submitter.waiters.look(flight.waiter)
      flight.reason = "the queued request vanished"
      submitter.publishLater(flight)
      return
    }
    const digest = queued.headers?.get(DIGEST)
    if (digest === flight.prepared.digest) submitter.accepted(flight)
    else submitter.keyReused(flight)
  }
}
