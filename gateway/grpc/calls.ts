// What every gRPC call goes through, as every HTTP request does: the caller's key, the trace, the
// counting, the line in the log when it failed. It knows no method.
import { status, type Metadata, type StatusObject } from "@grpc/grpc-js"
import { reasonOf, type Logger } from "#core/service/logger"
import { ID } from "#proto/headers"
import type { Guard } from "../access/auth.ts"
import type { Access, Caller } from "../access/caller.ts"
import type { RequestLog } from "../http/request-log.ts"
import type { GatewayTraces } from "../http/spans.ts"
import { refuse, statusOf, type Refusal } from "../http/status.ts"
import type { GatewayMetrics } from "../metrics.ts"
import { codeOf, nameOfCode } from "./codes.ts"
import type { GrpcMetrics } from "./grpc-metrics.ts"
import { headersOf, metadataOf, trailersOf } from "./metadata.ts"

/** What proxies write down for a caller who went away. */
const GONE_HTTP_STATUS = 499
const METHOD = "POST"

export interface CallsOptions {
  readonly guard: Guard
  readonly metrics: GatewayMetrics
  readonly grpcMetrics: GrpcMetrics
  readonly traces: GatewayTraces | undefined
  readonly requestLog: RequestLog
  readonly logger: Logger
  /** Status of refusals of load. */
  readonly shedStatus: number
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

/** What can end a call, or one message of a stream. */
export interface Ending {
  readonly refusal?: Refusal | undefined
  readonly id?: string | undefined
  readonly model?: string | undefined
}

export interface Admitted {
  readonly kind: "admitted"
  readonly caller: Caller
  readonly headers: Headers
}

/** One call, or one message of a stream, that is being watched. */
export interface Watched {
  readonly end: (ending: Ending) => void
}

export class Calls {
  readonly #options: CallsOptions

  constructor(options: CallsOptions) {
    this.#options = options
  }

  get now(): () => number {
    return this.#options.now
  }

  /** Who calls, or why they are not let in. */
  admit(access: Access, metadata: Metadata): Admitted | Refusal {
    const headers = headersOf(metadata)
    if (!(headers instanceof Headers)) return headers
    const caller = this.#options.guard.admit(access, headers)
    if (!("kind" in caller)) return { kind: "admitted", caller, headers }
    this.#options.metrics.callerRefused(caller.error)
    return caller
  }

  /** Begins to watch; the trace of `headers` becomes that of the span. */
  watch(path: string, headers: Headers | undefined): Watched {
    const { metrics, requestLog, now, shedStatus, traces } = this.#options
    const begun = now()
    const span = headers === undefined ? undefined : traces?.begin(headers)
    return {
      end: ({ refusal, id, model = "" }) => {
        const http = refusal === undefined ? 200 : statusOf(refusal.error, shedStatus)
        const millis = now() - begun
        metrics.answered(METHOD, path, http, millis / 1_000)
        const found = id ?? refusal?.id
        const like = new Response(null, {
          status: http,
          headers: found === undefined ? {} : { [ID]: found },
        })
        span?.end(METHOD, path, like)
        requestLog.answered(METHOD, path, model, like, millis)
      },
    }
  }

  /** Counts a call that has ended. */
  handled(path: string, code: status): void {
    this.#options.grpcMetrics.handled(path, nameOfCode(code))
  }

  /** Counts a call whose caller went away, which no span or line is worth. */
  gone(path: string, seconds: number): void {
    this.#options.metrics.answered(METHOD, path, GONE_HTTP_STATUS, seconds)
    this.handled(path, status.CANCELLED)
  }

  /** The status that a refusal is told as. */
  statusOf(refusal: Refusal, trailers: Readonly<Record<string, string>> = {}): StatusObject {
    return {
      code: codeOf(statusOf(refusal.error, this.#options.shedStatus)),
      details: refusal.message,
      metadata: metadataOf({ ...trailers, ...trailersOf(refusal) }),
    }
  }

  /** What a caller is told of a defect, which the log of the process names. */
  defect(path: string, cause: unknown): Refusal {
    this.#options.logger.error("a call failed by a defect", {
      route: path,
      reason: reasonOf(cause),
    })
    return refuse("internal", "the gateway failed on this call")
  }
}
