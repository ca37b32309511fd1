// What the gateway counts of ground truth. Ids are never labels.
import { Counter, type Registry } from "prom-client"

export class OutcomeMetrics {
  readonly #taken: Counter<"model" | "result">

  constructor(registry: Registry) {
    this.#taken = new Counter({
      name: "weir_gateway_outcomes_total",
      help: "Outcomes that were sent here: recorded, corrected, unchanged or refused",
      labelNames: ["model", "result"],
      registers: [registry],
    })
  }

  /** The model is one that is registered. */
  taken(model: string, result: "recorded" | "corrected" | "unchanged" | "refused"): void {
    this.#taken.inc({ model, result })
  }
}
