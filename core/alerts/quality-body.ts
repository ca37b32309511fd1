// What receivers are sent about expectations of a suite: the same kinds of bodies as about drift,
// and as small.
import type { ExpectationOutcome, QualityReport } from "#proto/quality-finding"
import type { WebhookKind } from "#proto/webhook"
import {
  BODY_MAX_BYTES,
  CLOUD_EVENT_CONTENT,
  fitting,
  JSON_CONTENT,
  shorten,
  type Body,
} from "./envelope.ts"

const SLACK_MAX_BYTES = 4_000
const SLACK_LINES_MAX = 10
const ALERTMANAGER_MAX_BYTES = 256 * 1024
/** Alertmanager takes an alert without an end back after minutes unless it is repeated. */
const FIRING_MILLIS = 30 * 86_400_000
const SIGNIFICANT_DIGITS = 3

export const qualityTypeOf = ({ _tag }: QualityReport): "quality.failed" | "quality.recovered" =>
  _tag === "QualityFailed" ? "quality.failed" : "quality.recovered"

const time = ({ at }: QualityReport): string => new Date(at).toISOString()

const expectation = (one: ExpectationOutcome) => ({
  type: shorten(one.type),
  columns: one.columns.map((column) => shorten(column)),
  severity: one.severity ?? null,
  unexpected_percent: one.unexpectedPercent ?? null,
  observed: one.observed ?? null,
  ...(one.problem === undefined ? {} : { problem: shorten(one.problem) }),
})

const dataOf = (report: QualityReport, count: number) => {
  const { model, version, window, suite, expectations, id } = report
  const omitted = expectations.length - count
  return {
    model,
    version: version ?? null,
    window: { from: window.from, to: window.to, rows: window.rows },
    suite: shorten(suite),
    expectations: expectations.slice(0, count).map(expectation),
    ...(omitted > 0 ? { expectations_omitted: omitted } : {}),
    finding: id,
  }
}

const rounded = (value: number): string => String(Number(value.toPrecision(SIGNIFICANT_DIGITS)))

const lineOf = ({ type, columns, unexpectedPercent, observed, problem }: ExpectationOutcome) => {
  const evidence = [
    ...(unexpectedPercent === undefined ? [] : [`${rounded(unexpectedPercent)} % unexpected`]),
    ...(observed === undefined ? [] : [`observed ${rounded(observed)}`]),
    ...(problem === undefined ? [] : [shorten(problem)]),
  ].join(", ")
  const about = [type, ...columns].map((word) => shorten(word)).join(" ")
  return evidence === "" ? about : `${about} (${evidence})`
}

const headlineOf = (report: QualityReport): string => {
  const { _tag, model, version, window, suite, expectations } = report
  const what = _tag === "QualityFailed" ? "no longer met" : "met again"
  const of = version === undefined ? model : `${model} version ${version}`
  const count = expectations.length === 1 ? "1 expectation" : `${expectations.length} expectations`
  const named = suite === "" ? "" : ` of ${shorten(suite)}`
  const range = `positions ${window.from} to ${window.to} (${window.rows} rows)`
  return `${count}${named} ${what} by ${of}, ${range}`
}

const standardBody = (report: QualityReport): Body => ({
  contentType: JSON_CONTENT,
  bytes: fitting(report.expectations.length, BODY_MAX_BYTES, (count) => ({
    type: qualityTypeOf(report),
    timestamp: time(report),
    data: dataOf(report, count),
  })),
})

const cloudEventBody = (report: QualityReport): Body => ({
  contentType: CLOUD_EVENT_CONTENT,
  bytes: fitting(report.expectations.length, BODY_MAX_BYTES, (count) => ({
    specversion: "1.0",
    id: report.id,
    source: `/weir/models/${report.model}`,
    type: `weir.${qualityTypeOf(report)}`,
    time: time(report),
    datacontenttype: JSON_CONTENT,
    data: dataOf(report, count),
  })),
})

/** Slack reads &, < and > as markup. */
const escaped = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const slackBody = (report: QualityReport): Body => {
  const lines = report.expectations.map((one) => `• ${lineOf(one)}`)
  return {
    contentType: JSON_CONTENT,
    bytes: fitting(Math.min(lines.length, SLACK_LINES_MAX), SLACK_MAX_BYTES, (count) => {
      const omitted = lines.length - count
      const more = omitted > 0 ? [`… and ${omitted} more`] : []
      const all = [headlineOf(report), ...lines.slice(0, count), ...more, `Finding ${report.id}`]
      return { text: escaped(all.join("\n")) }
    }),
  }
}

const alertmanagerBody = (report: QualityReport): Body => {
  const isFiring = report._tag === "QualityFailed"
  const at = time(report)
  const span = isFiring
    ? { startsAt: at, endsAt: new Date(report.at + FIRING_MILLIS).toISOString() }
    : { endsAt: at }
  const alerts = report.expectations.map((one) => ({
    // The same labels when firing and when resolved: Alertmanager knows an alert by them.
    labels: {
      alertname: "WeirQualityFailed",
      severity: one.severity ?? "critical",
      model: report.model,
      expectation: shorten(one.type),
      column: shorten(one.columns.join(" ")),
      key: shorten(one.key),
    },
    annotations: {
      summary: `${lineOf(one)} ${isFiring ? "is not met" : "is met again"} by ${report.model}`,
      description: headlineOf(report),
      finding: report.id,
    },
    ...span,
  }))
  return {
    contentType: JSON_CONTENT,
    bytes: fitting(alerts.length, ALERTMANAGER_MAX_BYTES, (count) => alerts.slice(0, count)),
  }
}

const BODIES: Readonly<Record<WebhookKind, (report: QualityReport) => Body>> = {
  standard: standardBody,
  cloudevents: cloudEventBody,
  slack: slackBody,
  alertmanager: alertmanagerBody,
}

export const qualityBodyFor = (kind: WebhookKind, report: QualityReport): Body =>
  BODIES[kind](report)
