// The feed of a model over HTTP. Each reader has a consumer of its own and is read for only as fast
// as it takes what it is sent, so a slow one delays nobody else.
import { reasonOf, type Logger } from "#core/service/logger"
import type { Log } from "#core/log/log"
import type { Releases } from "#core/registry/releases"
import { isVersionName } from "#proto/names"
import { positionOf, queryValue } from "../http/address.ts"
import { checkNames } from "../http/call.ts"
import type { Erasures } from "../predictions/erased.ts"
import { readFact, type FactView } from "../predictions/fact-view.ts"
import { factEvent, gapEvent, heartbeat, opening, outcomeOf } from "./feed-events.ts"
import { nextPosition, readFeed, withErased, type FeedFact, type FeedGap } from "./feed.ts"
import { EVENT_STREAM_TYPE, operations } from "../http/operations.ts"
import type { Caller } from "../access/caller.ts"
import type { Seat, Seats } from "../access/seats.ts"
import type { Responder } from "../http/respond.ts"
import type { Route } from "../http/routes.ts"
import { refuse, type Refusal } from "../http/status.ts"

/** Between two signs of life; proxies cut connections that are silent for a minute. */
const HEARTBEAT_MILLIS = 15_000
/** How soon a reader comes back after its connection broke. */
const RECONNECT_MILLIS = 1_000
const RETRY_AFTER_SECONDS = 5

export interface FeedRouteOptions {
  readonly log: Log
  readonly releases: Pick<Releases, "model">
  readonly responder: Responder
  readonly logger: Logger
  readonly seats: Seats
  /** Of what was erased: its positions are told as gaps. */
  readonly erasures: Pick<Erasures, "within">
  /** Aborted when the process is told to stop: every feed ends. */
  readonly stopping: AbortSignal
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

interface Wanted {
  readonly kind: "wanted"
  readonly model: string
  readonly version: string | undefined
  readonly outcome: string | undefined
  /** Undefined for what comes from now on. */
  readonly from: number | undefined
}

const readWanted = (request: Request, model: string): Wanted | Refusal => {
  const version = queryValue(request, "version")
  const outcome = queryValue(request, "outcome")
  if (version !== undefined && !isVersionName(version))
    return refuse("invalid", "version: expected the name of a version, got another text")
  if (outcome !== undefined && outcome !== "predicted" && outcome !== "failed")
    return refuse("invalid", "outcome: expected predicted or failed, got another text")
  const seen = positionOf("Last-Event-ID", request.headers.get("last-event-id"))
  if (typeof seen === "object") return seen
  const from = positionOf("from", queryValue(request, "from"))
  if (typeof from === "object") return from
  const first = seen === undefined ? from : seen + 1
  // Positions begin with 1; the id before it must be one to come back with.
  const begin = first === undefined ? undefined : Math.max(1, first)
  return { kind: "wanted", model, version, outcome, from: begin }
}

/**
 * What a reader has seen cannot be ahead of the log that it was in: it would wait for positions
 * that come a second time, and never be told what is in their place.
 */
const beyond = (from: number, next: number): Refusal =>
  refuse(
    "gone",
    `position ${from}: expected at most ${next}, the next one of this log; the log was made anew ` +
      "or is another: begin again with from=1, or without a position for what comes from now on",
  )

/** The events of one reader as text, with signs of life in between. */
class Reader {
  readonly #feed: AsyncGenerator<FeedFact | FeedGap>
  readonly #wanted: Wanted
  #position: number
  #next: Promise<IteratorResult<FeedFact | FeedGap, undefined>> | undefined

  constructor(feed: AsyncGenerator<FeedFact | FeedGap>, wanted: Wanted, position: number) {
    this.#feed = feed
    this.#wanted = wanted
    this.#position = position
  }

  /** The next text to send; undefined at the end. */
  async read(): Promise<string | undefined> {
    const { promise: silent, resolve } = Promise.withResolvers<"silent">()
    const timer = setTimeout(() => resolve("silent"), HEARTBEAT_MILLIS)
    try {
      for (;;) {
        this.#next ??= this.#feed.next()
        const step = await Promise.race([this.#next, silent])
        if (step === "silent") return heartbeat(this.#position)
        this.#next = undefined
        if (step.done === true) return undefined
        const text = this.#textOf(step.value)
        if (text !== undefined) return text
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #textOf(item: FeedFact | FeedGap): string | undefined {
    if (item.kind === "gap") {
      this.#position = item.to
      return gapEvent(item)
    }
    this.#position = item.position
    const fact = readable(item.data)
    // A reader that came back for it would find it again, and nothing after it.
    if (fact === undefined) return gapEvent({ kind: "gap", from: item.position, to: item.position })
    const { version, outcome } = this.#wanted
    const isWanted =
      (version === undefined || fact.version === version) &&
      (outcome === undefined || outcomeOf(fact) === outcome)
    return isWanted ? factEvent(fact, item.position) : undefined
  }
}

/** Anybody who may publish can have put other bytes in the place of a fact. */
const readable = (bytes: Uint8Array): FactView | undefined => {
  try {
    return readFact(bytes)
  } catch {
    return undefined
  }
}

const encoder = new TextEncoder()

export class FeedRoutes {
  readonly #options: FeedRouteOptions

  constructor(options: FeedRouteOptions) {
    this.#options = options
  }

  get readers(): number {
    return this.#options.seats.taken
  }

  routes(): ReadonlyArray<Route> {
    const handle: Route["handle"] = (request, { model = "" }, { caller }) =>
      this.#open(request, model, caller)
    return [
      {
        method: "GET",
        access: "read",
        path: "/v2/models/:model/feed",
        handle,
        operation: operations.feed,
      },
    ]
  }

  async #open(request: Request, model: string, caller: Caller): Promise<Response> {
    const { responder, releases, seats, log, stopping } = this.#options
    const wanted = checkNames(model, undefined) ?? readWanted(request, model)
    if (wanted.kind === "refused") return responder.refused(wanted)
    if (releases.model(model) === undefined)
      return responder.refused(
        refuse("unknownModel", `Request for unknown model: '${model}' is not found`),
      )
    const headers = { "content-type": EVENT_STREAM_TYPE, "cache-control": "no-store" }
    if (request.method === "HEAD") return new Response(null, { headers })
    const more = { retryAfterSeconds: RETRY_AFTER_SECONDS }
    if (stopping.aborted)
      return responder.refused(refuse("tooManyReaders", "the gateway is stopping", more))
    const seat = seats.take(caller)
    if (seat.kind === "taken") {
      const message = `readers of feeds: expected at most ${seat.limit} here, got one more`
      return responder.refused(refuse("tooManyReaders", message, more))
    }
    try {
      const next = await nextPosition(log)
      const { from = next } = wanted
      if (from > next) {
        seat.leave()
        return responder.refused(beyond(from, next))
      }
      return new Response(this.#stream(request, { ...wanted, from }, caller, seat), { headers })
    } catch {
      seat.leave()
      return responder.refused(refuse("logUnavailable", "the log could not be read", more))
    }
  }

  #stream(
    request: Request,
    wanted: Wanted & { readonly from: number },
    caller: Caller,
    seat: Seat,
  ): ReadableStream<Uint8Array> {
    const { log, logger, erasures, stopping, now } = this.#options
    const gone = new AbortController()
    const revoked = new AbortController()
    const unfollow = caller.onRevoked(() => revoked.abort())
    const signal = AbortSignal.any([gone.signal, revoked.signal, stopping, request.signal])
    const { model, from } = wanted
    const stored = readFeed({ log, model, from, signal, now })
    const feed = withErased(stored, from, (range) => erasures.within(model, range))
    const reader = new Reader(feed, wanted, from - 1)
    const close = () => {
      seat.leave()
      unfollow()
      gone.abort()
    }
    let text: string | undefined = opening(from - 1, RECONNECT_MILLIS)
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const next = text ?? (await reader.read())
            text = undefined
            if (gone.signal.aborted) return
            if (next !== undefined && !revoked.signal.aborted)
              return controller.enqueue(encoder.encode(next))
            close()
            controller.close()
          } catch (cause) {
            logger.error("a feed failed", { reason: reasonOf(cause) })
            close()
            controller.error(cause)
          }
        },
        cancel: close,
      },
      { highWaterMark: 0 },
    )
  }
}
