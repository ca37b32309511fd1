// What a receiver reads: the body of a Standard Webhooks message about drift, and the same as a
// structured CloudEvent. A body depends on the finding alone, so every attempt sends the same
// bytes, and it is small: features that do not fit are left out and counted.
import type { DriftCleared, DriftDetected, DriftFinding } from "#proto/finding"

/** Standard Webhooks asks for less than 20 kB. */
export const BODY_MAX_BYTES = 20_000
const TEXT_MAX_CHARACTERS = 256

export interface Body {
  readonly contentType: string
  readonly bytes: Uint8Array
}

const text = new TextEncoder()
export const JSON_CONTENT = "application/json"
export const CLOUD_EVENT_CONTENT = "application/cloudevents+json; charset=utf-8"

/** Feature names come from models and can have any length. */
export const shorten = (value: string, max: number = TEXT_MAX_CHARACTERS): string =>
  value.length <= max ? value : `${value.slice(0, max - 1).toWellFormed()}…`

export const typeOf = (finding: DriftFinding): "drift.detected" | "drift.cleared" =>
  finding._tag === "DriftDetected" ? "drift.detected" : "drift.cleared"

const sliceOf = ({ slice }: DriftFinding["features"][number]) =>
  slice === undefined
    ? {}
    : { slice: { feature: shorten(slice.feature), value: shorten(slice.value) } }

const detectedFeature = (feature: DriftDetected["features"][number]) => ({
  name: shorten(feature.name),
  test: shorten(feature.test),
  // Absent numbers are null, so that every receiver finds every name.
  statistic: feature.statistic ?? null,
  p_value: feature.pvalue ?? null,
  threshold: feature.threshold ?? null,
  effect: feature.effect ?? null,
  ...sliceOf(feature),
})

const clearedFeature = (feature: DriftCleared["features"][number]) => ({
  name: shorten(feature.name),
  ...sliceOf(feature),
})

/** `data` of the message, with the first `count` features. */
const dataOf = (finding: DriftFinding, count: number) => {
  const { model, version, window, reference, id } = finding
  const omitted = finding.features.length - count
  return {
    model,
    version: version ?? null,
    window: { from: window.from, to: window.to, rows: window.rows },
    features:
      finding._tag === "DriftDetected"
        ? finding.features.slice(0, count).map(detectedFeature)
        : finding.features.slice(0, count).map(clearedFeature),
    ...(omitted > 0 ? { features_omitted: omitted } : {}),
    reference,
    finding: id,
    ...(finding._tag === "DriftCleared" ? { reason: finding.reason } : {}),
  }
}

/** The body with as many of the `total` features as fit. */
export const fitting = (
  total: number,
  maxBytes: number,
  compose: (count: number) => unknown,
): Uint8Array => {
  const encode = (count: number) => text.encode(JSON.stringify(compose(count)))
  const whole = encode(total)
  if (whole.byteLength < maxBytes) return whole
  let fits = 0
  let tooMany = total
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1
    if (encode(middle).byteLength < maxBytes) fits = middle
    else tooMany = middle
  }
  return encode(fits)
}

const time = (finding: DriftFinding): string => new Date(finding.at).toISOString()

/** `{type, timestamp, data}` as Standard Webhooks has it. */
export const standardBody = (finding: DriftFinding): Body => ({
  contentType: JSON_CONTENT,
  bytes: fitting(finding.features.length, BODY_MAX_BYTES, (count) => ({
    type: typeOf(finding),
    timestamp: time(finding),
    data: dataOf(finding, count),
  })),
})

/** CloudEvents 1.0, structured content mode, with the same `data`. */
export const cloudEventBody = (finding: DriftFinding): Body => ({
  contentType: CLOUD_EVENT_CONTENT,
  bytes: fitting(finding.features.length, BODY_MAX_BYTES, (count) => ({
    specversion: "1.0",
    id: finding.id,
    source: `/weir/models/${finding.model}`,
    type: `weir.${typeOf(finding)}`,
    time: time(finding),
    datacontenttype: JSON_CONTENT,
    data: dataOf(finding, count),
  })),
})
