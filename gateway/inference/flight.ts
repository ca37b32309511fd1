// One request on its way through the data plane, and what can come of it.
import type { FactView } from "../predictions/fact-view.ts"
import type { Refusal } from "../http/status.ts"
import type { FastTicket } from "./fast-lane.ts"
import type { Prepared } from "./prepare.ts"
import type { StoredFact, WaitEnd, Waiter, WaiterOptions } from "./waiters.ts"

export interface Answered {
  readonly kind: "answered"
  readonly fact: FactView
  readonly position: number
  /** The fact was there before this request came. */
  readonly replayed: boolean
}
/** The log holds the request; its answer is to be fetched by its id. */
export interface Accepted {
  readonly kind: "accepted"
  readonly id: string
}
export type Outcome = Answered | Accepted | Refusal

export interface FlightHooks {
  /** A request with this id is queued already. */
  readonly onQueued: (flight: Flight) => void
  /** Called once when the flight has ended. */
  readonly onEnd: () => void
}

/** Who decides how flights go on. */
export interface FlightOwner {
  /** Whether the fact of an id that was made here is heard of without a reply. */
  readonly hears: (id: string) => boolean
  /** `known`: the fact was there before. */
  readonly arrived: (flight: Flight, stored: StoredFact, known: boolean) => void
  readonly ended: (flight: Flight, end: WaitEnd) => void
}

/** One request on its way, until its outcome is known: what is waited for, and what is told. */
export class Flight implements WaiterOptions {
  readonly #owner: FlightOwner
  readonly id: string
  readonly prepared: Prepared
  readonly resolve: (outcome: Outcome) => void
  /** Of requests with a key alone. */
  readonly hooks: FlightHooks | undefined
  readonly begunAt: number
  readonly deadline: number
  readonly isHeard: boolean
  waiter: Waiter | undefined
  attempts = 0
  /** The log has said that it holds the request. */
  accepted = false
  /** Where it went beside the queue: a predictor may have it, whatever the queue says. */
  fast: FastTicket | undefined
  /** Why the last publish was not taken. */
  reason = ""

  constructor(
    owner: FlightOwner,
    id: string,
    prepared: Prepared,
    begunAt: number,
    resolve: (outcome: Outcome) => void,
    hooks: FlightHooks | undefined,
  ) {
    this.#owner = owner
    this.id = id
    this.prepared = prepared
    this.resolve = resolve
    this.hooks = hooks
    this.begunAt = begunAt
    this.deadline = begunAt + prepared.handling.timeoutMillis
    this.isHeard = !this.keyed && owner.hears(id)
  }

  get model(): string {
    return this.prepared.model
  }

  get keyed(): boolean {
    return this.hooks !== undefined
  }

  onFact(stored: StoredFact): void {
    this.#owner.arrived(this, stored, false)
  }

  onEnd(end: WaitEnd): void {
    this.#owner.ended(this, end)
  }
}
