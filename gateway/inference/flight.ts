// One request on its way through the data plane, and what can come of it.
import type { FactView } from "../predictions/fact-view.ts"
import type { Refusal } from "../http/status.ts"
import type { FastTicket } from "./fast-lane.ts"
import type { Prepared } from "./prepare.ts"
import type { Waiter } from "./waiters.ts"

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

/** One request on its way, until its outcome is known. */
export interface Flight {
  readonly id: string
  readonly prepared: Prepared
  readonly keyed: boolean
  readonly resolve: (outcome: Outcome) => void
  readonly hooks: FlightHooks
  readonly begunAt: number
  readonly publishUntil: number
  waiter: Waiter | undefined
  attempts: number
  /** The log has said that it holds the request. */
  accepted: boolean
  /** Where it went beside the queue: a predictor may have it, whatever the queue says. */
  fast: FastTicket | undefined
  /** Why the last publish was not taken. */
  reason: string
}

export interface FlightHooks {
  /** A request with this id is queued already. */
  readonly onQueued?: (flight: Flight) => void
  /** Called once when the flight has ended. */
  readonly onEnd?: () => void
}
