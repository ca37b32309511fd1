// A line for each request that failed on our side or took long; none for what went well, and none
// that holds what was asked, what was answered, or who may ask.
import { LimitedLog } from "#core/service/limited-log"
import type { Logger } from "#core/service/logger"
import { ID, REQUEST_ID, VERSION } from "#proto/headers"

const LINES_PER_SECOND = 10
const ERROR_STATUS_MIN = 500
/** What we do not have was asked for: the caller's doing, as every 4xx is. */
const UNSUPPORTED_STATUS = 501
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
  /** Of its own, so that its lines take no room from those of failures. */
  readonly #askedLog: LimitedLog
  readonly #slowMillis: number

  constructor({ logger, slowMillis, now }: RequestLogOptions) {
    this.#log = new LimitedLog(logger, LINES_PER_SECOND, now)
    this.#askedLog = new LimitedLog(logger, LINES_PER_SECOND, now)
    this.#slowMillis = slowMillis
  }

  answered(method: string, route: string, model: string, response: Response, millis: number): void {
    const isAnswer = response.status === NOT_READY_STATUS && HEALTH.test(route)
    const isUnsupported = response.status === UNSUPPORTED_STATUS
    const isError = response.status >= ERROR_STATUS_MIN && !isAnswer && !isUnsupported
    const isSlow = this.#slowMillis > 0 && millis >= this.#slowMillis
    if (!isError && !isSlow && !isUnsupported) return
    const { headers, status } = response
    const fields = {
      requestId: headers.get(REQUEST_ID) ?? undefined,
      id: headers.get(ID) ?? undefined,
      model: model === "" ? undefined : model,
      version: headers.get(VERSION) ?? undefined,
      method,
      route,
      status,
      millis: Math.round(millis),
    }
    if (isError) this.#log.say("warn", "a request failed", fields)
    else if (isSlow) this.#log.say("warn", "a request was slow", fields)
    else this.#askedLog.say("debug", "a request asked for what is not supported", fields)
  }
}
