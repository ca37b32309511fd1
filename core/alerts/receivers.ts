// Bodies for receivers that speak their own language: chats that take Slack's `{text}`, and
// Alertmanager's API v2. Which one a target speaks is its kind.
import type { DriftFinding } from "#proto/finding"
import type { WebhookKind } from "#proto/webhook"
import { isQuality, type Alert } from "./alert.ts"
import {
  cloudEventBody,
  fitting,
  JSON_CONTENT,
  shorten,
  standardBody,
  type Body,
} from "./envelope.ts"
import { qualityBodyFor } from "./quality-body.ts"

const SLACK_MAX_BYTES = 4_000
const SLACK_FEATURES_MAX = 10
/** One alert a feature; a model with more drifting features than this is drifting as a whole. */
const ALERTMANAGER_MAX_BYTES = 256 * 1024
/**
 * Alertmanager takes an alert without an end back after minutes unless it is repeated; drift lasts
 * until it is cleared.
 */
const FIRING_MILLIS = 30 * 86_400_000
const SIGNIFICANT_DIGITS = 3

type Feature = DriftFinding["features"][number]

const labelOf = ({ name, slice }: Feature): string =>
  slice === undefined
    ? shorten(name)
    : `${shorten(name)} where ${shorten(slice.feature)} = ${shorten(slice.value)}`

const rounded = (value: number): string => String(Number(value.toPrecision(SIGNIFICANT_DIGITS)))

/** "ks: statistic 0.052, p 0.0001, effect 0.052", or nothing where a feature has no numbers. */
const evidenceOf = (feature: Feature): string => {
  if (!("test" in feature)) return ""
  const numbers = [
    ["statistic", feature.statistic],
    ["p", feature.pvalue],
    ["effect", feature.effect],
  ] as const
  const parts = numbers.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${rounded(value)}`],
  )
  return `${shorten(feature.test)}: ${parts.join(", ")}`
}

const headlineOf = (finding: DriftFinding): string => {
  const { model, version, window, features } = finding
  const what = finding._tag === "DriftDetected" ? "Drift" : "Drift is over"
  const of = version === undefined ? model : `${model} version ${version}`
  const count = features.length === 1 ? "1 feature" : `${features.length} features`
  const range = `positions ${window.from} to ${window.to} (${window.rows} rows)`
  return `${what} in ${count} of ${of}, ${range}`
}

/**
 * Slack reads &, < and > as markup: a feature's name must not become a link or mention everybody.
 */
const escaped = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const slackBody = (finding: DriftFinding): Body => {
  const lines = finding.features.map((feature) => {
    const evidence = evidenceOf(feature)
    return `• ${labelOf(feature)}${evidence === "" ? "" : ` (${evidence})`}`
  })
  const shown = Math.min(lines.length, SLACK_FEATURES_MAX)
  return {
    contentType: JSON_CONTENT,
    bytes: fitting(shown, SLACK_MAX_BYTES, (count) => {
      const omitted = lines.length - count
      const more = omitted > 0 ? [`… and ${omitted} more`] : []
      const all = [headlineOf(finding), ...lines.slice(0, count), ...more, `Finding ${finding.id}`]
      return { text: escaped(all.join("\n")) }
    }),
  }
}

/** The labels of firing and resolved must be equal: Alertmanager knows an alert by them. */
const alertLabels = (finding: DriftFinding, feature: Feature) => ({
  alertname: "WeirDriftDetected",
  severity: "warning",
  model: finding.model,
  feature: shorten(feature.name),
  ...(feature.slice === undefined
    ? {}
    : { slice: `${shorten(feature.slice.feature)}=${shorten(feature.slice.value)}` }),
})

const alertmanagerBody = (finding: DriftFinding): Body => {
  const isFiring = finding._tag === "DriftDetected"
  const what = isFiring ? "Drift" : "No more drift"
  const at = new Date(finding.at).toISOString()
  const span = isFiring
    ? { startsAt: at, endsAt: new Date(finding.at + FIRING_MILLIS).toISOString() }
    : { endsAt: at }
  const alertOf = (feature: Feature) => ({
    labels: alertLabels(finding, feature),
    annotations: {
      summary: `${what} of ${labelOf(feature)} in ${finding.model}`,
      description: `${headlineOf(finding)}. ${evidenceOf(feature)}`.trim(),
      finding: finding.id,
    },
    ...span,
  })
  const alerts = uniqueByLabels(finding.features.map(alertOf))
  return {
    contentType: JSON_CONTENT,
    bytes: fitting(alerts.length, ALERTMANAGER_MAX_BYTES, (count) => alerts.slice(0, count)),
  }
}

/** Several tests of one feature are one alert. */
const uniqueByLabels = <A extends { readonly labels: unknown }>(alerts: ReadonlyArray<A>) => [
  ...new Map(alerts.map((alert) => [JSON.stringify(alert.labels), alert])).values(),
]

const BODIES: Readonly<Record<WebhookKind, (finding: DriftFinding) => Body>> = {
  standard: standardBody,
  cloudevents: cloudEventBody,
  slack: slackBody,
  alertmanager: alertmanagerBody,
}

/** What a target of this kind is sent about a finding; the same bytes at each attempt. */
export const bodyFor = (kind: WebhookKind, alert: Alert): Body =>
  isQuality(alert) ? qualityBodyFor(kind, alert) : BODIES[kind](alert)
