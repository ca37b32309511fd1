// The data-quality gate as callers meet it: a row that is not as the model's suite expects is
// refused before anything is stored. Gates that only flag are left to the predictor, which writes
// the mark into the fact.
import { Counter } from "prom-client"
import type { Registry } from "prom-client"
import type { Gates } from "#core/gates/gates"
import type { QualityMark } from "#proto/prediction"
import type { InferenceRequest } from "#proto/request"
import { refuse, type Refusal } from "../http/status.ts"
import type { Target } from "../inference/target.ts"

export class DoorMetrics {
  readonly #refused: Counter<"model" | "expectation" | "column">

  constructor(registry: Registry) {
    this.#refused = new Counter({
      name: "weir_gateway_quality_refused_total",
      help: "Requests that the data-quality gate of their model refused",
      labelNames: ["model", "expectation", "column"],
      registers: [registry],
    })
  }

  refused(model: string, { expectation, columns }: QualityMark): void {
    this.#refused.inc({ model, expectation, column: columns.join(" ") })
  }
}

/** Whether the gate of the model lets a checked request in: undefined, or why not. */
export type Admit = (target: Target, request: InferenceRequest) => Refusal | undefined

export const makeDoor =
  (gates: Gates, metrics: DoorMetrics): Admit =>
  ({ model, signature }, request) => {
    const verdict = gates.judge(model, signature, request)
    if (verdict?.mode !== "reject") return undefined
    metrics.refused(model, verdict.mark)
    return refuse("quality", verdict.mark.message)
  }
