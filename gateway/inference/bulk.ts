// Many requests in one: a line of JSON for each, answered by a line each, in their order, while
// more are still coming. Reading stops when the answers are not taken, and when the queue is full;
// a line that is wrong spoils no other.
import { setTimeout as pause } from "node:timers/promises"
import { reasonOf, type Logger } from "#core/service/logger"
import { IDEMPOTENCY_KEY } from "#proto/headers"
import { checkEncoding } from "../http/body.ts"
import type { Caller } from "../access/caller.ts"
import type { NoSeat, Seats } from "../access/seats.ts"
import { BulkWindow } from "./bulk-window.ts"
import { KEY_MAX_CHARACTERS } from "#proto/ids"
import { type Asked, type Intake } from "./intake.ts"
import type { GatewayMetrics } from "../metrics.ts"
import { NDJSON_TYPE, readLines, type Line } from "../http/ndjson.ts"
import type { Form, Responder } from "../http/respond.ts"
import { endsLater } from "../http/streamed.ts"
import { CASES, refuse, statusOf, type ErrorCase, type Refusal } from "../http/status.ts"
import type { Answered } from "./flight.ts"

/** Pause before a line that found the queue full is tried again. */
const FULL_PAUSE_MILLIS = 200
const RETRY_AFTER_SECONDS = 2
const LINE_DIGITS = 10

/** A bulk waits where a single request would be sent away: the pressure goes to its caller. */
const WAITED_FOR: ReadonlySet<ErrorCase> = new Set(["queueFull", "tooManyInFlight"])

export interface BulkOptions {
  readonly intake: Intake
  readonly responder: Responder
  readonly metrics: GatewayMetrics
  /** Of the bulks that are answered at once; they bound the memory of all together. */
  readonly seats: Seats
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  readonly logger: Logger
  /** Aborted when the process is told to stop: what was read is answered, no more is read. */
  readonly stopping: AbortSignal
  /** Status for a full queue, as single requests get it. */
  readonly shedStatus: number
}

const stopped = refuse(
  "logUnavailable",
  "the gateway is stopping: this line and those after it were not read",
)
const tooMany = ({ limit }: NoSeat): Refusal =>
  refuse("tooManyInFlight", `bulks: expected at most ${limit} here, got one more`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
const failed = refuse("internal", "the gateway failed on this line")

/** Whether a line has tensors, or rows as `/predict` takes them. */
const formOfLine = (text: string): Form => {
  if (!/"inputs"\s*:/.test(text)) return "rows"
  try {
    const body: unknown = JSON.parse(text)
    const isObject = typeof body === "object" && body !== null
    return isObject && !Object.hasOwn(body, "inputs") ? "rows" : "tensors"
  } catch {
    return "tensors"
  }
}

/** A caller that takes no answer for so long has gone away. */
const UNREAD_MAX_MILLIS = 30_000

const encoder = new TextEncoder()

/**
 * Pulled as fast as it is read; `close` is called at its end, and when it is not read any more: a
 * connection that nobody reads from does not always say that its caller has gone away.
 */
const stream = (window: BulkWindow, close: () => void): ReadableStream<Uint8Array> => {
  let unread: ReturnType<typeof setTimeout> | undefined
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        clearTimeout(unread)
        const text = await window.next()
        if (text !== undefined) {
          controller.enqueue(encoder.encode(text))
          unread = setTimeout(() => {
            close()
            controller.error(new Error(`not read for ${UNREAD_MAX_MILLIS} ms`))
          }, UNREAD_MAX_MILLIS)
          return
        }
        close()
        controller.close()
      },
      cancel: () => {
        clearTimeout(unread)
        close()
      },
    },
    { highWaterMark: 0 },
  )
}

export class BulkInference {
  readonly #options: BulkOptions

  constructor(options: BulkOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#options.seats.taken
  }

  answer(request: Request, caller: Caller, model: string, version: string | undefined): Response {
    const { intake, responder, keepOpen, stopping, seats } = this.#options
    const asked = intake.ask(request.headers, caller, model, version)
    if (asked.kind === "refused") return responder.refused(asked)
    const refusal = this.#refusalOf(request, asked)
    if (refusal !== undefined) return responder.refused(refusal)
    const seat = seats.take(caller)
    if (seat.kind === "taken") return responder.refused(tooMany(seat))
    keepOpen(request)
    const window = new BulkWindow()
    let lastLine = 0
    const stop = () => window.end(this.#errorLine(stopped, lastLine + 1))
    stopping.addEventListener("abort", stop)
    if (stopping.aborted) stop()
    const onLine = (number: number) => {
      lastLine = number
    }
    void this.#read(asked, request, window, onLine)
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const close = () => {
      resolve()
      seat.leave()
      if (!stopping.aborted) stopping.removeEventListener("abort", stop)
      window.end()
    }
    // A stream that nobody pulls is not always cancelled when its caller goes away.
    request.signal.addEventListener("abort", close, { once: true })
    const headers = { "content-type": NDJSON_TYPE }
    return endsLater(new Response(stream(window, close), { headers }), ended)
  }

  #refusalOf(request: Request, { call }: Asked): Refusal | undefined {
    const wrong = checkEncoding(request.headers)
    if (wrong !== undefined) return wrong
    if ((call.key?.length ?? 0) > KEY_MAX_CHARACTERS - LINE_DIGITS - 1)
      return refuse(
        "invalid",
        `${IDEMPOTENCY_KEY}: expected room for the number of a line, got none`,
      )
    if (call.isAsync)
      return refuse("unsupported", "Prefer: expected none on a bulk, got respond-async")
    return undefined
  }

  async #read(
    asked: Asked,
    request: Request,
    window: BulkWindow,
    onLine: (number: number) => void,
  ): Promise<void> {
    try {
      if (request.body === null) return
      for await (const line of readLines(request.body, this.#options.intake.requestBytesMax)) {
        if (window.ended) return
        onLine(line.number)
        await window.add(this.#line(asked, line, window), line.text?.length ?? 0)
      }
    } catch {
      // The caller went away while it sent; there is nobody to tell.
    } finally {
      window.end()
    }
  }

  /** The text of a line's answer. Never rejects. */
  async #line(asked: Asked, line: Line, window: BulkWindow): Promise<string> {
    const { responder, metrics, now } = this.#options
    const begun = now()
    try {
      const outcome = await this.#outcome(asked, line, window)
      if (outcome.kind === "refused") return this.#errorLine(outcome, line.number)
      const { answered, form } = outcome
      metrics.predicted(answered.fact, (now() - begun) / 1_000)
      const text = await responder.body(answered, form)
      if (typeof text !== "string") return this.#errorLine(text, line.number)
      const { fact, position } = answered
      const head = { line: line.number, weir_id: fact.id, position }
      return `${JSON.stringify(head).slice(0, -1)},${text.slice(1)}\n`
    } catch (cause) {
      this.#options.logger.error("a line failed by a defect", { reason: reasonOf(cause) })
      return this.#errorLine(failed, line.number)
    }
  }

  async #outcome(
    asked: Asked,
    { text, fault, number }: Line,
    window: BulkWindow,
  ): Promise<
    Refusal | { readonly kind: "line"; readonly answered: Answered; readonly form: Form }
  > {
    const { intake, now } = this.#options
    if (fault === "tooLong")
      return refuse("tooLarge", `line: expected at most ${intake.requestBytesMax} bytes, got more`)
    if (text === undefined) return refuse("invalid", "line: expected UTF-8, got other bytes")
    const form = formOfLine(text)
    const prepared = intake.prepare(asked, text, form)
    if (prepared.kind === "refused") return prepared
    if (prepared.answer !== undefined)
      return refuse("unsupported", "line: expected outputs as whole JSON, got another form")
    const key = asked.call.key === undefined ? undefined : `${asked.call.key}/${number}`
    const until = now() + prepared.handling.timeoutMillis
    const late = await this.#turn(asked.caller, until)
    if (late !== undefined) return late
    for (;;) {
      const outcome = await intake.send(prepared, key)
      if (outcome.kind === "answered") return { kind: "line", answered: outcome, form }
      // Asynchronous calls are refused before any line is read.
      if (outcome.kind === "accepted") return refuse("internal", "line: not answered")
      const isFinal = !WAITED_FOR.has(outcome.error) || window.ended
      if (isFinal || now() + FULL_PAUSE_MILLIS > until) return outcome
      await pause(FULL_PAUSE_MILLIS)
    }
  }

  /** Each line counts against the rate of the caller's key: a bulk is slowed by it, not refused. */
  async #turn(caller: Caller, until: number): Promise<Refusal | undefined> {
    const { now, stopping } = this.#options
    for (;;) {
      const retryAfterSeconds = caller.takeMore()
      if (retryAfterSeconds === undefined) return undefined
      if (stopping.aborted || now() + FULL_PAUSE_MILLIS > until)
        return refuse("rateLimited", "line: no turn came within its deadline", {
          retryAfterSeconds,
        })
      await pause(FULL_PAUSE_MILLIS)
    }
  }

  #errorLine({ error, message, id }: Refusal, line: number): string {
    const { code } = CASES[error]
    const status = statusOf(error, this.#options.shedStatus)
    return `${JSON.stringify({ line, error: message, code, status, id })}\n`
  }
}
