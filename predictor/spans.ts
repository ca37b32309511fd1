// The spans of a predictor: how long a request was queued, the batch that it ran in, and the fact
// that it became. They are written when all is known, from the times that the fact holds.
import { newSpanId, newTraceId, readTraceparent } from "../core/service/trace-context.ts"
import type { Span, Tracer } from "../core/service/tracing.ts"
import type { Prediction } from "../proto/prediction.ts"
import type { Received } from "./work.ts"

type Child = Pick<Span, "name" | "kind" | "start" | "end" | "attributes" | "error">

export class PredictorTraces {
  readonly #tracer: Tracer
  readonly #samplePercent: number

  constructor(tracer: Tracer, samplePercent: number) {
    this.#tracer = tracer
    this.#samplePercent = samplePercent
  }

  /** `storing` and `stored`: when its fact was handed to the log and acknowledged, since 1970. */
  settled({ handling }: Received, fact: Prediction, storing: number, stored: number): void {
    const given = readTraceparent(handling.traceparent)
    if (!(given?.sampled ?? Math.random() * 100 < this.#samplePercent)) return
    const traceId = given?.traceId ?? newTraceId()
    let parentSpanId = given?.spanId
    for (const span of spansOf(fact, storing, stored)) {
      const spanId = newSpanId()
      this.#tracer.record({ ...span, traceId, spanId, parentSpanId })
      parentSpanId = spanId
    }
  }
}

/** Each is the parent of the next. */
const spansOf = (fact: Prediction, storing: number, stored: number): ReadonlyArray<Child> => {
  const { id, model, version, times, batch, failure, deliveries } = fact
  const about = { "weir.id": id, "weir.model": model, "weir.version": version }
  const queue: Child = {
    name: "queue",
    kind: "consumer",
    start: times.stored,
    end: times.taken,
    attributes: { ...about, "messaging.system": "nats", "weir.deliveries": deliveries },
  }
  const kept: Child = {
    name: "fact",
    kind: "internal",
    start: storing,
    end: stored,
    attributes: { ...about, "weir.result": failure === undefined ? "predicted" : "failed" },
    error: failure?.reason,
  }
  if (batch === undefined || times.begun === undefined) return [queue, kept]
  const run: Child = {
    name: "batch",
    kind: "internal",
    start: times.begun,
    end: times.ended ?? times.begun,
    attributes: {
      ...about,
      "weir.batch.id": batch.id,
      "weir.batch.rows": batch.rows,
      "weir.batch.ran": batch.ran,
      "weir.batch.members": batch.members,
    },
  }
  return [queue, run, kept]
}
