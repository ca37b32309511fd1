// What became of the deliveries to each target, told from the recorded attempts. Pure.
import type { DeliveryOutcome, WebhookAttempted } from "#proto/webhook"
import { jobKey } from "./outbox.ts"
import { endpointOf, type Target } from "./target.ts"

export interface TargetReport {
  /** Alerts by what became of them so far. */
  readonly outcomes: Readonly<Record<DeliveryOutcome, number>>
  readonly attempts: number
  readonly last: WebhookAttempted | undefined
  /** The last alerts that were not delivered, the newest first. */
  readonly failed: ReadonlyArray<WebhookAttempted>
  /** The receiver said 410 at the URL that the target has now; a later success undoes it. */
  readonly isDisabled: boolean
}

const FAILED_SHOWN_MAX = 20

/** The report of one target over all attempts, in the order of the log. */
export const reportOf = (
  target: Target,
  attempts: ReadonlyArray<WebhookAttempted>,
): TargetReport => {
  const own = attempts.filter((fact) => fact.target === target.name)
  const deliveries = new Map<string, WebhookAttempted>()
  for (const fact of own) {
    const key = jobKey(fact.alert, fact.target)
    const known = deliveries.get(key)
    if (known === undefined || fact.attempt > known.attempt) deliveries.set(key, fact)
  }
  const outcomes = { delivered: 0, waiting: 0, exhausted: 0, disabled: 0, dropped: 0 }
  for (const { outcome } of deliveries.values()) outcomes[outcome] += 1
  const last = own.at(-1)
  const failed = [...deliveries.values()].filter(({ outcome }) => outcome !== "delivered")
  return {
    outcomes,
    attempts: own.length,
    last,
    failed: failed.toSorted((a, b) => b.at - a.at).slice(0, FAILED_SHOWN_MAX),
    isDisabled:
      last?.outcome === "disabled" &&
      last.endpoint === endpointOf(target) &&
      target.since <= last.at,
  }
}
