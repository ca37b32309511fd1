import { expect, test } from "bun:test"
import type { QualityReport } from "#proto/quality-finding"
import { WebhookKind } from "#proto/webhook"
import { BODY_MAX_BYTES } from "./envelope.ts"
import { bodyFor } from "./receivers.ts"

const report = (count: number, _tag: QualityReport["_tag"] = "QualityFailed"): QualityReport => ({
  _tag,
  id: "quality-flights-2000",
  model: "flights",
  version: "1",
  number: 4,
  window: { from: 1_501, to: 2_000, rows: 500, facts: 500, failed: 0 },
  suite: "flights <over> a window",
  suiteDigest: "a3".repeat(32),
  at: 1_760_000_000_000,
  expectations: Array.from({ length: count }, (_, at) => ({
    key: `${at} expect_column_mean_to_be_between distance`,
    type: "expect_column_mean_to_be_between",
    columns: ["distance"],
    severity: "critical",
    success: false,
    observed: 1_912.4,
  })),
})

const sent = (kind: WebhookKind, one: QualityReport) => {
  const { bytes } = bodyFor(kind, one)
  return { bytes, json: JSON.parse(new TextDecoder().decode(bytes)) }
}

test("a webhook names suite, window and each expectation with what was seen", () => {
  expect(sent("standard", report(1)).json).toEqual({
    type: "quality.failed",
    timestamp: "2025-10-09T08:53:20.000Z",
    data: {
      model: "flights",
      version: "1",
      window: { from: 1_501, to: 2_000, rows: 500 },
      suite: "flights <over> a window",
      expectations: [
        {
          type: "expect_column_mean_to_be_between",
          columns: ["distance"],
          severity: "critical",
          unexpected_percent: null,
          observed: 1_912.4,
        },
      ],
      finding: "quality-flights-2000",
    },
  })
  expect(sent("cloudevents", report(1, "QualityRecovered")).json.type).toBe(
    "weir.quality.recovered",
  )
})

test("chats get a line for each, in which a name can be no markup", () => {
  const { text } = sent("slack", report(12)).json
  expect(text).toContain("flights &lt;over&gt; a window no longer met by flights version 1")
  expect(text).toContain("(observed 1910)")
  expect(text).toContain("… and 2 more")
})

test("Alertmanager gets the same labels when it is met again", () => {
  const [firing] = sent("alertmanager", report(1)).json
  const [resolved] = sent("alertmanager", report(1, "QualityRecovered")).json
  expect(resolved.labels).toEqual(firing.labels)
  expect(resolved.startsAt).toBeUndefined()
})

test("a body stays small however many expectations fail", () => {
  for (const kind of WebhookKind.literals)
    expect(sent(kind, report(2_000)).bytes.byteLength).toBeLessThanOrEqual(256 * 1_024)
  const { bytes, json } = sent("standard", report(2_000))
  expect(bytes.byteLength).toBeLessThan(BODY_MAX_BYTES)
  expect(json.data.expectations.length + json.data.expectations_omitted).toBe(2_000)
})
