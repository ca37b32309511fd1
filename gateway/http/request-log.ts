// A line for each request that failed on our side or took long; none for what went well, and none
// that holds what was asked, what was answered, or who may ask.
import { LimitedLog } from "#core/service/limited-log"
import type { Logger } from "#core/service/logger"
import { ID, REQUEST_ID, VERSION } from "#proto/headers"

const LINES_PER_SECOND = 10
const ERROR_STATUS_MIN = 500
const NOT_READY_STATUS = 503
/** Routes whose answer is that something is not ready: to say so is no failure. */
const HEALTH = /^(?:\/v2)?\/health(?:\/|$)|\/ready$/

export interface RequestLogOptions {
  readonly logger: Logger
  /** Milliseconds from which on a request is slow; 0 for never. */
  readonly slowMillis: number
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

export class RequestLog {
  readonly #log: LimitedLog
  readonly #slowMillis: number

  constructor({ logger, slowMillis, now }: RequestLogOptions) {
    this.#log = new LimitedLog(logger, LINES_PER_SECOND, now)
    this.#slowMillis = slowMillis
  }

  answered(method: string, route: string, model: string, response: Response, millis: number): void {
    const isAnswer = response.status === NOT_READY_STATUS && HEALTH.test(route)
    const isError = response.status >= ERROR_STATUS_MIN && !isAnswer
    const isSlow = this.#slowMillis > 0 && millis >= this.#slowMillis
    if (!isError && !isSlow) return
    const { headers, status } = response
    this.#log.say("warn", isError ? "a request failed" : "a request was slow", {
      requestId: headers.get(REQUEST_ID) ?? undefined,
      id: headers.get(ID) ?? undefined,
      model: model === "" ? undefined : model,
      version: headers.get(VERSION) ?? undefined,
      method,
      route,
      status,
      millis: Math.round(millis),
    })
  }
}
