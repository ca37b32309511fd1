// What a load generator is told and what it tells: both cross a process boundary as JSON. Pure
// data.
import type { HistogramData } from "./histogram.ts"

export interface HttpTarget {
  readonly kind: "http"
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Bodies that are sent in turn, in base64. */
  readonly bodies: ReadonlyArray<string>
}

/** Requests published straight to the queue, answered on an inbox of the generator's own. */
export interface NatsTarget {
  readonly kind: "nats"
  readonly servers: string
  readonly model: string
  readonly contentType: string
  readonly bodies: ReadonlyArray<string>
}

export type LoadTarget = HttpTarget | NatsTarget

/** Each caller sends its next request when it has its answer. */
export interface ClosedLoop {
  readonly kind: "closed"
  readonly callers: number
}

/**
 * Requests are sent at fixed times, whether or not earlier ones were answered; each latency counts
 * from the time at which its request should have been sent.
 */
export interface OpenLoop {
  readonly kind: "open"
  readonly perSecond: number
}

export type Loop = ClosedLoop | OpenLoop

export interface LoadPlan {
  readonly target: LoadTarget
  readonly loop: Loop
  /** Not recorded. */
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** Latencies of the requests that ended in one stretch of the run, for runs that are long. */
export interface Stretch {
  readonly fromSecond: number
  readonly histogram: HistogramData
}

export interface LoadResult {
  /** From the first recorded request to the last answer. */
  readonly seconds: number
  /** Answers with a status from 200 to 299. */
  readonly answered: number
  /** What else came, and how often: "status 503", "connection closed", "no answer". */
  readonly errors: Readonly<Record<string, number>>
  readonly histogram: HistogramData
  /** How late the generator itself sent; part of the latencies above. Empty for a closed loop. */
  readonly lateness: HistogramData
  readonly stretches: ReadonlyArray<Stretch>
  /** CPU that the generator took while it recorded, in microseconds. */
  readonly cpuMicros: number
}

/** Lines of the generator's output; `begun` and `ended` are the moments to measure others at. */
export type LoadLine =
  | { readonly line: "begun" }
  | { readonly line: "ended" }
  | { readonly line: "result"; readonly result: LoadResult }
