// Targets of webhooks for people and for programs. Secrets and the paths of URLs are never shown.
import { reportOf } from "#core/alerts/report"
import { shownUrl, type Target } from "#core/alerts/target"
import type { WebhookAttempted } from "#proto/webhook"
import { plain, table, timeText } from "../table.ts"

type Attempts = ReadonlyArray<WebhookAttempted>

/** One target in the form for programs. */
export const targetDocument = (target: Target, attempts: Attempts) => {
  const { outcomes, last, failed, isDisabled } = reportOf(target, attempts)
  return {
    name: target.name,
    kind: target.kind,
    url: shownUrl(target.url),
    origin: target.trusted ? "configuration" : "added",
    models: target.models,
    secrets: target.secrets.length,
    disabled: isDisabled,
    outcomes,
    last,
    failed,
  }
}

const resultText = ({ status, error }: WebhookAttempted): string =>
  status === undefined ? (error ?? "?") : String(status)

const lastText = (last: WebhookAttempted | undefined): string =>
  last === undefined ? "-" : `${timeText(last.at)} ${resultText(last)}`

/** What waits or failed for good, as lines under the table. */
const failureLines = (target: Target, attempts: Attempts): ReadonlyArray<string> =>
  reportOf(target, attempts).failed.map((fact) => {
    const due = fact.nextAt === undefined ? "" : `, next at ${timeText(fact.nextAt)}`
    const tried = `attempt ${fact.attempt}: ${resultText(fact)}`
    return plain(`${target.name}: alert ${fact.alert} ${fact.outcome}, ${tried}${due}`)
  })

export const targetsText = (targets: ReadonlyArray<Target>, attempts: Attempts): string => {
  if (targets.length === 0)
    return "no target; set DRIFT_WEBHOOK, or add one with ./weir webhooks add NAME URL"
  const rows = targets.map((target) => {
    const { outcomes, last, isDisabled } = reportOf(target, attempts)
    return [
      target.name,
      target.kind,
      shownUrl(target.url),
      target.trusted ? "configuration" : "added",
      String(outcomes.delivered),
      String(outcomes.waiting),
      String(outcomes.exhausted + outcomes.disabled + outcomes.dropped),
      `${lastText(last)}${isDisabled ? " (disabled)" : ""}`,
    ]
  })
  const text = table(
    [
      { name: "NAME" },
      { name: "KIND" },
      { name: "URL" },
      { name: "FROM" },
      { name: "DELIVERED", align: "right" },
      { name: "WAITING", align: "right" },
      { name: "FAILED", align: "right" },
      { name: "LAST ATTEMPT" },
    ],
    rows,
  )
  return [text, ...targets.flatMap((target) => failureLines(target, attempts))].join("\n")
}
