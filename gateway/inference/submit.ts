// The data plane: a request goes into the log, its fact comes out. It knows no HTTP. It waits for
// the fact, not for the ack of the publish; what the log refuses is answered at once, and what it
// leaves open is published again.
import type { Published } from "#core/log/publisher"
import type { Log } from "#core/log/log"
import { IDEMPOTENCY_KEY } from "#proto/headers"
import { FAST_WAIT_MILLIS, LARGE_REQUEST_BYTES } from "#proto/request"
import { requestSubject } from "#proto/subjects"
import type { Backlog } from "../watch/backlog.ts"
import { readFact, type FactView } from "../predictions/fact-view.ts"
import type { GatewayMetrics } from "../metrics.ts"
import { newId } from "../http/ids.ts"
import { requestHeaders, type Prepared } from "./prepare.ts"
import { refuse, type Refusal } from "../http/status.ts"
import type { GatewayTraces } from "../http/spans.ts"
import { FastLane } from "./fast-lane.ts"
import { Flight, type FlightHooks, type FlightOwner, type Outcome } from "./flight.ts"
import { logRefusal, notTaken } from "./log-refusal.ts"
import type { StoredFact, WaitEnd, Waiter, Waiters } from "./waiters.ts"

/** Pause before a publish that the log did not take is tried again; doubled up to the longest. */
const PUBLISH_PAUSE_FIRST_MILLIS = 25
const PUBLISH_PAUSE_LONGEST_MILLIS = 1_000
/** What the log says of a request that it has no room for. */
const OPEN_BESIDE_THE_QUEUE: ReadonlySet<Published["kind"]> = new Set(["full", "storeFull"])
/** What becomes of a request that is not answered in time. */
const GOES_ON = "the work goes on; ask again with the same key, or fetch the answer by its id"
const DROPPED_UNLESS_BEGUN =
  "dropped unless it was begun by then; its id tells which, and the answer if there is one"
/** Where nobody predicts. */
const PREDICTOR_RETRY_AFTER_SECONDS = 5

export interface SubmitOptions {
  readonly log: Log
  readonly backlog: Backlog
  readonly metrics: GatewayMetrics
  readonly traces: GatewayTraces | undefined
  readonly waiters: Waiters
  readonly replicas: number
  /** Whether requests may go beside the queue. */
  readonly fastLane: boolean
  readonly inFlightMax: number
  readonly publishWaitMillis: number
  /** Milliseconds of a monotonic clock, and since 1970. */
  readonly now: () => number
  readonly time: () => number
}

export class Submitter implements FlightOwner {
  readonly #options: SubmitOptions
  readonly waiters: Waiters
  readonly #lane: FastLane

  constructor(options: SubmitOptions) {
    this.#options = options
    this.#lane = new FastLane(options)
    this.waiters = options.waiters
  }

  /** Why no request is taken just now. */
  closedFor(): Refusal | undefined {
    const { backlog, inFlightMax } = this.#options
    if (!backlog.state.predictorsSeen())
      return refuse("noPredictor", "no predictor is running", {
        retryAfterSeconds: PREDICTOR_RETRY_AFTER_SECONDS,
      })
    if (this.waiters.size >= inFlightMax)
      return refuse("tooManyInFlight", `${inFlightMax} requests are in flight here`, {
        retryAfterSeconds: backlog.state.retryAfterSeconds(false),
      })
    return undefined
  }

  /** Sends a request without a key under a new id. Never rejects. */
  submit(prepared: Prepared): Refusal | Promise<Outcome> {
    const closed = this.closedFor()
    if (closed !== undefined) return closed
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const { waiters } = this
    const time = this.#options.time()
    // A reply does not repeat a large request, as its fact does.
    const isSmall = prepared.payload.byteLength < LARGE_REQUEST_BYTES
    const id = isSmall && waiters.canHear ? waiters.heardId(time) : newId(time)
    this.publish(this.open(id, prepared, resolve))
    return promise
  }

  /**
   * Begins to wait for the fact of an id, without publishing yet; requests with a key have hooks.
   */
  open(
    id: string,
    prepared: Prepared,
    resolve: (outcome: Outcome) => void,
    hooks?: FlightHooks,
  ): Flight {
    const flight = new Flight(this, id, prepared, this.#options.now(), resolve, hooks)
    flight.waiter = this.waiters.add(flight)
    return flight
  }

  hears(id: string): boolean {
    return this.waiters.hears(id)
  }

  /** Publishes, again if need be; what the log says decides how it goes on. */
  publish(flight: Flight): void {
    const { waiter, prepared } = flight
    if (waiter === undefined || waiter.settled) return
    flight.attempts++
    if (flight.attempts === 1 && this.#sendFast(flight, waiter)) return
    const subject = requestSubject(prepared.model, flight.id)
    // Asked for again, its fact may be there already: then only a reply tells.
    const isHeard = flight.attempts === 1 && waiter.options.isHeard === true
    const reply = isHeard ? undefined : this.waiters.replySubject(waiter)
    const headers = requestHeaders(this.#inTime(flight), reply, flight.keyed)
    const published = this.#options.traces?.publish(prepared.handling.traceparent, subject)
    void this.#options.log.publisher.publish(subject, prepared.payload, headers).then((outcome) => {
      published?.(outcome.kind)
      this.#published(flight, outcome)
    })
  }

  /** The queue counts the deadline from when it has the request: what is over is taken off. */
  #inTime({ fast, prepared, begunAt }: Flight): Prepared {
    if (fast === undefined) return prepared
    const { handling } = prepared
    const left = Math.ceil(begunAt + handling.timeoutMillis - this.#options.now())
    return { ...prepared, handling: { ...handling, timeoutMillis: Math.max(1, left) } }
  }

  /** Sends a request beside the queue where that is as good; says whether it did. */
  #sendFast(flight: Flight, waiter: Waiter): boolean {
    if (flight.keyed) return false
    const reply = waiter.options.isHeard === true ? undefined : this.waiters.replySubject(waiter)
    flight.fast = this.#lane.send(flight.id, flight.prepared, this.waiters.size, reply)
    if (flight.fast === undefined) return false
    const until = this.#options.now() + FAST_WAIT_MILLIS
    waiter.callBackAt(until, () => void this.#queue(flight, waiter))
    return true
  }

  /** Queues what was sent beside the queue, and to which nothing came. */
  async #queue(flight: Flight, waiter: Waiter): Promise<void> {
    this.#lane.late(flight.prepared.model)
    flight.fast?.end()
    if (this.waiters.mayLook) await this.waiters.look(waiter)
    this.publish(flight)
  }

  /** Hands a fact to the flight that waits for it; `known`: it was there before. */
  arrived(flight: Flight, stored: StoredFact, known: boolean): void {
    if (flight.waiter?.settled !== false) return
    let fact: FactView
    try {
      fact = readFact(stored.bytes)
    } catch {
      // Not from a predictor of ours; the log has what is true.
      return
    }
    if (fact.id !== flight.id) return
    const { position } = stored
    // Before anything of this flight was published: a late copy or reply of an earlier request with
    // the same key.
    const replayed = known || flight.attempts === 0
    // The same key can have been used with another body by a request that came earlier.
    if (flight.keyed && fact.digest !== flight.prepared.digest) this.keyReused(flight)
    else if (flight.prepared.handling.isAsync) this.accepted(flight)
    else {
      this.#lane.answered(flight.prepared.model, this.#options.now() - flight.begunAt)
      this.finish(flight, { kind: "answered", fact, position, replayed })
    }
  }

  /** The log holds the request. */
  accepted(flight: Flight): void {
    flight.accepted = true
    if (flight.prepared.handling.isAsync) this.finish(flight, { kind: "accepted", id: flight.id })
  }

  keyReused(flight: Flight): void {
    const { id } = flight
    const message = `${IDEMPOTENCY_KEY}: expected the body of its first use, got another`
    this.finish(flight, refuse("keyReused", message, { id }))
  }

  /** Tries to publish again after a pause, for as long as a publish may take. */
  publishLater(flight: Flight): void {
    const now = this.#options.now()
    const doubled = PUBLISH_PAUSE_FIRST_MILLIS * 2 ** Math.min(flight.attempts - 1, 10)
    const pause = Math.min(doubled, PUBLISH_PAUSE_LONGEST_MILLIS)
    const { begunAt, prepared } = flight
    const { publishWaitMillis } = this.#options
    if (now + pause < begunAt + Math.min(prepared.handling.timeoutMillis, publishWaitMillis))
      flight.waiter?.callBackAt(now + pause, () => this.publish(flight))
    else void this.#refuse(flight, logRefusal("logUnavailable", notTaken(flight.reason)))
  }

  finish(flight: Flight, outcome: Outcome): void {
    if (flight.waiter === undefined || !this.waiters.settle(flight.waiter)) return
    flight.fast?.end()
    flight.hooks?.onEnd()
    flight.resolve(outcome)
  }

  #published(flight: Flight, published: Published): void {
    if (published.kind === "stored") {
      this.accepted(flight)
      return
    }
    if (flight.waiter?.settled !== false) return
    // That we have queued it ourselves is no refusal.
    if (published.kind !== "queued" || flight.attempts === 1)
      this.#options.metrics.publishRefused(published.kind)
    // A refusal would be false: what is beside the queue may still be answered.
    if (flight.fast !== undefined && OPEN_BESIDE_THE_QUEUE.has(published.kind)) {
      flight.reason = `${published.kind}; a predictor may have it all the same`
      this.publishLater(flight)
      return
    }
    switch (published.kind) {
      case "queued":
        if (flight.hooks === undefined) this.accepted(flight)
        else flight.hooks.onQueued(flight)
        return
      case "full":
        return void this.#refuse(flight, this.#queueFull(published.limit))
      case "storeFull":
        return void this.#refuse(flight, logRefusal("storeFull", "the store of the log is full"))
      case "tooLarge":
        return void this.#refuse(flight, refuse("tooLarge", "body: more than the log accepts"))
      case "refused": {
        const message = `the log refused the request (${published.code})`
        return void this.#refuse(flight, logRefusal("logUnavailable", message))
      }
      case "exists":
      case "undecided":
      case "unavailable":
        flight.reason = published.kind === "unavailable" ? published.reason : published.kind
        this.publishLater(flight)
    }
  }

  #queueFull(limit: "messages" | "bytes"): Refusal {
    const retryAfterSeconds = this.#options.backlog.state.retryAfterSeconds(limit === "messages")
    const message = `the queue is full: it holds as many ${limit} as it may`
    return refuse("queueFull", message, { retryAfterSeconds })
  }

  /**
   * After a publish that was left open the request may have been stored and answered: look before
   * refusing it.
   */
  async #refuse(flight: Flight, refusal: Refusal): Promise<void> {
    if (flight.attempts > 1 && flight.waiter !== undefined) await this.waiters.look(flight.waiter)
    // With an id, where it is not certain that nothing was stored.
    const open = refusal.error === "logUnavailable" || flight.attempts > 1
    const named = open || flight.keyed
    this.finish(flight, named ? { ...refusal, id: flight.id } : refusal)
  }

  ended(flight: Flight, end: WaitEnd): void {
    const { id, accepted, prepared } = flight
    if (end === "closed" || !accepted) {
      const why = end === "closed" ? "the gateway is stopping" : notTaken(flight.reason)
      this.finish(flight, { ...logRefusal("logUnavailable", why), id })
      return
    }
    const waited = `no answer within ${prepared.handling.timeoutMillis} ms`
    const left = flight.keyed ? GOES_ON : DROPPED_UNLESS_BEGUN
    this.finish(flight, refuse("timedOut", `${waited}: ${left}`, { id }))
  }
}
