// Sends spans to an OpenTelemetry collector: OTLP over HTTP in its JSON form. Nobody ever waits for
// it: what cannot be kept or sent is dropped and counted. What must not be lost is in the log of
// facts, not here.
import { Counter, type Registry } from "prom-client"
import { choice, integer, optionalText, secret, type ValuesOf } from "./settings.ts"

/** Spans that wait to be sent; about a kilobyte each. */
export const SPANS_WAITING_MAX = 8_192
const SPANS_PER_EXPORT_MAX = 512
const EXPORT_INTERVAL_MILLIS = 1_000
const EXPORT_WAIT_MILLIS = 5_000
/** For the last spans of a process that ends. */
const LAST_EXPORT_WAIT_MILLIS = 2_000
const MICROS_PER_MILLI = 1_000
const NANOS_PER_MICRO = 1_000n

export const tracingSettings = {
  otlpEndpoint: optionalText(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "Base URL of an OpenTelemetry collector; spans go to its /v1/traces; without it none are made",
  ),
  otlpHeaders: secret(
    "OTEL_EXPORTER_OTLP_HEADERS",
    "Headers for the collector as name=value with commas between them",
  ),
  otlpProtocol: choice(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "How spans are written; JSON is the only form",
    "http/json",
    ["http/json"],
  ),
  traceSamplePercent: integer(
    "WEIR_TRACE_SAMPLE_PERCENT",
    "Requests without a trace of their own that begin one, percent",
    100,
    0,
    100,
  ),
} as const

export type SpanKind = "internal" | "server" | "producer" | "consumer"
const KINDS: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  producer: 4,
  consumer: 5,
}
const STATUS_ERROR = 2

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

export interface Span {
  readonly name: string
  readonly kind: SpanKind
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
  readonly attributes: Attributes
  /** Why it failed, where it did. */
  readonly error?: string | undefined
}

const nanos = (millis: number): string =>
  String(BigInt(Math.round(millis * MICROS_PER_MILLI)) * NANOS_PER_MICRO)

const valueOf = (value: string | number | boolean) => {
  if (typeof value === "string") return { stringValue: value }
  if (typeof value === "boolean") return { boolValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }],
  )

const spanOf = (span: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: KINDS[span.kind],
  startTimeUnixNano: nanos(span.start),
  endTimeUnixNano: nanos(Math.max(span.start, span.end)),
  attributes: attributesOf(span.attributes),
  ...(span.error === undefined ? {} : { status: { code: STATUS_ERROR, message: span.error } }),
})

/** The body of an export, as the OTLP specification has it in JSON. */
export const exportBody = (service: string, version: string, spans: ReadonlyArray<Span>): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributesOf({ "service.name": service, "service.version": version }),
        },
        scopeSpans: [{ scope: { name: "weir", version }, spans: spans.map(spanOf) }],
      },
    ],
  })

const headersOf = (setting: string | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (setting ?? "").split(",").flatMap((pair) => {
      const at = pair.indexOf("=")
      return at < 1
        ? []
        : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]]
    }),
  )

export interface TracerOptions {
  readonly service: string
  readonly version: string
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly spans: Counter<"end">
}

export class Tracer {
  readonly #options: TracerOptions
  readonly #url: string
  readonly #timer: ReturnType<typeof setInterval>
  #waiting: Array<Span> = []
  #sending: Promise<void> | undefined

  constructor(options: TracerOptions) {
    this.#options = options
    this.#url = `${options.endpoint.replace(/\/$/, "")}/v1/traces`
    this.#timer = setInterval(() => void this.#flush(), EXPORT_INTERVAL_MILLIS)
    this.#timer.unref()
  }

  record(span: Span): void {
    if (this.#waiting.length >= SPANS_WAITING_MAX) {
      this.#options.spans.inc({ end: "dropped" })
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= SPANS_PER_EXPORT_MAX) void this.#flush()
  }

  /** Sends what waits, for as long as that is worth waiting for. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const { promise, resolve } = Promise.withResolvers<void>()
    const overdue = setTimeout(resolve, LAST_EXPORT_WAIT_MILLIS)
    const sent = this.#flush().then(() => this.#flush())
    await Promise.race([sent, promise])
    clearTimeout(overdue)
  }

  /** One export at a time: a slow collector fills the queue, and then spans are dropped. */
  #flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.slice(0, SPANS_PER_EXPORT_MAX)
      this.#waiting = this.#waiting.slice(SPANS_PER_EXPORT_MAX)
      const isTaken = await this.#send(spans)
      this.#options.spans.inc({ end: isTaken ? "exported" : "failed" }, spans.length)
      if (!isTaken) return
    }
  }

  async #send(spans: ReadonlyArray<Span>): Promise<boolean> {
    const { service, version, headers } = this.#options
    try {
      const answer = await fetch(this.#url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: exportBody(service, version, spans),
        signal: AbortSignal.timeout(EXPORT_WAIT_MILLIS),
      })
      await answer.arrayBuffer()
      return answer.ok
    } catch {
      return false
    }
  }
}

/** The tracer of a process; undefined where no collector is configured. */
export const makeTracer = (
  registry: Registry,
  service: string,
  version: string,
  settings: ValuesOf<typeof tracingSettings>,
): Tracer | undefined => {
  const spans = new Counter({
    name: "weir_tracing_spans_total",
    help: "Spans by their end: exported, failed (not taken by the collector), dropped (no room)",
    labelNames: ["end"] as const,
    registers: [registry],
  })
  const { otlpEndpoint: endpoint, otlpHeaders } = settings
  if (endpoint === undefined) return undefined
  return new Tracer({ service, version, endpoint, headers: headersOf(otlpHeaders), spans })
}
