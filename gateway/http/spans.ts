// The spans of a gateway: the request as its caller sees it, and the publish in it. The context is
// put into the request's own header, so that it travels the way that a caller's would.
import {
  newSpanId,
  newTraceId,
  readTraceparent,
  traceparentText,
} from "#core/service/trace-context"
import type { Tracer } from "#core/service/tracing"
import { ID, TRACEPARENT } from "#proto/headers"

import { endOf } from "./streamed.ts"

const ERROR_STATUS_MIN = 500

/** Milliseconds since 1970, finer than whole ones. */
const wallClock = () => performance.timeOrigin + performance.now()

export interface RequestSpan {
  /** Of an answer whose body is still being written, the span ends with the body. */
  readonly end: (method: string, route: string, response: Response) => void
}

export class GatewayTraces {
  readonly #tracer: Tracer
  readonly #samplePercent: number

  constructor(tracer: Tracer, samplePercent: number) {
    this.#tracer = tracer
    this.#samplePercent = samplePercent
  }

  /** Begins the span of a request; undefined where its trace is not recorded. */
  begin(headers: Headers): RequestSpan | undefined {
    const given = readTraceparent(headers.get(TRACEPARENT))
    const sampled = given?.sampled ?? Math.random() * 100 < this.#samplePercent
    const context = { traceId: given?.traceId ?? newTraceId(), spanId: newSpanId(), sampled }
    // Also where it is not recorded: whoever comes next must not begin a trace of its own.
    headers.set(
      TRACEPARENT,
      sampled || given === undefined ? traceparentText(context) : traceparentText(given),
    )
    if (!sampled) return undefined
    const start = wallClock()
    return {
      end: (method, route, response) => {
        const record = () =>
          this.#tracer.record({
            ...context,
            name: `${method} ${route}`,
            kind: "server",
            parentSpanId: given?.spanId,
            start,
            end: wallClock(),
            attributes: {
              "http.request.method": method,
              "http.route": route,
              "http.response.status_code": response.status,
              "weir.id": response.headers.get(ID) ?? undefined,
            },
            error: response.status >= ERROR_STATUS_MIN ? `status ${response.status}` : undefined,
          })
        const later = endOf(response)
        if (later === undefined) record()
        else void later.then(record)
      },
    }
  }

  /** Begins the span of a publish; call what it returns when the log has answered. */
  publish(traceparent: string | undefined, subject: string): (kind: string) => void {
    const parent = readTraceparent(traceparent)
    if (parent?.sampled !== true) return () => undefined
    const start = wallClock()
    return (kind) =>
      this.#tracer.record({
        traceId: parent.traceId,
        spanId: newSpanId(),
        parentSpanId: parent.spanId,
        name: "publish request",
        kind: "producer",
        start,
        end: wallClock(),
        attributes: {
          "messaging.system": "nats",
          "messaging.destination.name": subject,
          "weir.publish.result": kind,
        },
        error: kind === "stored" || kind === "queued" ? undefined : kind,
      })
  }
}
