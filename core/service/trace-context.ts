// Trace contexts of the W3C as they travel in `traceparent`: read, written, begun. Pure but for the
// random ids of new ones.

export interface TraceContext {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/
const TRACE_ID_BYTES = 16
const SPAN_ID_BYTES = 8
const SAMPLED = 1

const isZero = (digits: string): boolean => /^0+$/.test(digits)

/** The context of a header; undefined for one that means nothing. */
export const readTraceparent = (text: string | null | undefined): TraceContext | undefined => {
  const found = FORM.exec(text ?? "")
  if (found === null) return undefined
  const [, version = "", traceId = "", spanId = "", flags = ""] = found
  if (version === "ff" || isZero(traceId) || isZero(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED }
}

export const traceparentText = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

const randomHex = (bytes: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex")

export const newSpanId = (): string => randomHex(SPAN_ID_BYTES)
export const newTraceId = (): string => randomHex(TRACE_ID_BYTES)
