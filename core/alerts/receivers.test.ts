// What receivers read: the bodies that were promised, small enough, and equal at each attempt.
import { describe, expect, test } from "bun:test"
import { DriftCleared, DriftDetected } from "#proto/finding"
import { WEBHOOK_KINDS } from "#proto/webhook"
import { BODY_MAX_BYTES } from "./envelope.ts"
import { bodyFor } from "./receivers.ts"
import { clearedDrift, detectedDrift } from "./test-findings.ts"

const utf8 = new TextDecoder()
const read = (kind: (typeof WEBHOOK_KINDS)[number], finding: DriftDetected | DriftCleared) => {
  const { contentType, bytes } = bodyFor(kind, finding)
  const content: unknown = JSON.parse(utf8.decode(bytes))
  return { contentType, size: bytes.byteLength, content }
}

test("a standard message about drift has exactly the promised form", () => {
  expect(read("standard", detectedDrift("a-1"))).toMatchObject({
    contentType: "application/json",
    content: {
      type: "drift.detected",
      timestamp: "2026-02-01T00:00:00.000Z",
      data: {
        model: "flights",
        version: "1",
        window: { from: 6_001, to: 11_000, rows: 5_000 },
        features: [
          {
            name: "delay",
            test: "ks",
            statistic: 0.052,
            p_value: 0.00001,
            threshold: 0.01,
            effect: 0.052,
          },
          {
            name: "distance",
            slice: { feature: "origin", value: "ABQ" },
            test: "psi",
            statistic: 0.3,
            p_value: null,
            threshold: 0.2,
            effect: null,
          },
        ],
        reference: "ab".repeat(32),
        finding: "a-1",
      },
    },
  })
  const names = Object.keys(JSON.parse(utf8.decode(bodyFor("standard", detectedDrift("a")).bytes)))
  expect(names).toEqual(["type", "timestamp", "data"])
})

test("the end of drift names the features and why it counts as over", () => {
  expect(read("standard", clearedDrift("a-2"))).toMatchObject({
    content: {
      type: "drift.cleared",
      data: { model: "flights", features: [{ name: "delay" }], reason: "recovered" },
    },
  })
})

test("a CloudEvent has what version 1.0 requires, and the same data", () => {
  const standard = read("standard", detectedDrift("a-1")).content
  const event = read("cloudevents", detectedDrift("a-1"))
  expect(event.contentType).toBe("application/cloudevents+json; charset=utf-8")
  expect(event.content).toMatchObject({
    specversion: "1.0",
    id: "a-1",
    source: "/weir/models/flights",
    type: "weir.drift.detected",
    time: "2026-02-01T00:00:00.000Z",
  })
  expect(event.content).toHaveProperty("data", Object(standard).data)
})

describe("a chat", () => {
  test("gets one text that says what, where and how much", () => {
    expect(read("slack", detectedDrift("a-1")).content).toEqual({
      text: [
        "Drift in 2 features of flights version 1, positions 6001 to 11000 (5000 rows)",
        "• delay (ks: statistic 0.052, p 0.00001, effect 0.052)",
        "• distance where origin = ABQ (psi: statistic 0.3)",
        "Finding a-1",
      ].join("\n"),
    })
  })
  test("is never given markup by the name of a feature", () => {
    const hostile = DriftDetected.make({
      ...detectedDrift("a-1"),
      features: [{ name: "<!channel> & <https://x.dev|y>", test: "ks" }],
    })
    const { text } = Object(read("slack", hostile).content)
    expect(text).toContain("&lt;!channel&gt; &amp; &lt;https://x.dev|y&gt;")
  })
})

describe("Alertmanager", () => {
  test("gets one alert a feature, which fires long enough to be cleared", () => {
    const { content } = read("alertmanager", detectedDrift("a-1"))
    expect(content).toMatchObject([
      {
        labels: { alertname: "WeirDriftDetected", model: "flights", feature: "delay" },
        startsAt: "2026-02-01T00:00:00.000Z",
        endsAt: "2026-03-03T00:00:00.000Z",
      },
      { labels: { feature: "distance", slice: "origin=ABQ" } },
    ])
  })
  test("knows the end by the same labels", () => {
    const [fired] = Object(read("alertmanager", detectedDrift("a-1")).content)
    const [ended] = Object(read("alertmanager", clearedDrift("a-2")).content)
    expect(ended.labels).toEqual(fired.labels)
    expect(ended.endsAt).toBe("2026-02-02T00:00:00.000Z")
    expect(ended.startsAt).toBeUndefined()
  })
  test("gets several tests of one feature as one alert", () => {
    const finding = DriftDetected.make({
      ...detectedDrift("a-1"),
      features: ["ks", "psi", "mmd"].map((name) => ({ name: "delay", test: name })),
    })
    expect(read("alertmanager", finding).content).toHaveLength(1)
  })
})

test("thousands of features, and names without end, are cut to 20 kB and counted", () => {
  for (const [count, length] of [
    [5_000, 10],
    [300, 5_000],
    [64, 1_000_000],
  ] as const) {
    const features = Array.from({ length: count }, (_, place) => ({
      name: `${place}-${"ü".repeat(length)}`,
      test: "ks",
      statistic: 0.123_456_789,
      pvalue: 1e-12,
    }))
    const finding = DriftDetected.make({ ...detectedDrift("a-1"), features })
    for (const kind of ["standard", "cloudevents"] as const) {
      const { size, content } = read(kind, finding)
      expect(size).toBeLessThan(BODY_MAX_BYTES)
      const { data } = Object(content)
      expect(data.features.length).toBeGreaterThan(10)
      expect(data.features.length + (data.features_omitted ?? 0)).toBe(count)
    }
    expect(read("slack", finding).size).toBeLessThan(4_000)
  }
})

test("every kind sends the same bytes about the same finding", () => {
  for (const kind of WEBHOOK_KINDS)
    expect(bodyFor(kind, detectedDrift("a"))).toEqual(bodyFor(kind, detectedDrift("a")))
})
