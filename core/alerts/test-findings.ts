// Findings as the drift-monitor writes them, for tests.
import { DriftCleared, DriftDetected } from "#proto/finding"

const FEBRUARY = Date.UTC(2026, 1, 1)
const DAY_MILLIS = 86_400_000
const window = { from: 6_001, to: 11_000, rows: 5_000, facts: 5_000, failed: 0 }
const reference = "ab".repeat(32)

export const detectedDrift = (id: string, at: number = FEBRUARY, model = "flights") =>
  DriftDetected.make({
    id,
    model,
    version: "1",
    window,
    number: 2,
    reference,
    at,
    features: [
      {
        name: "delay",
        test: "ks",
        statistic: 0.052,
        pvalue: 0.000_01,
        threshold: 0.01,
        effect: 0.052,
      },
      {
        name: "distance",
        slice: { feature: "origin", value: "ABQ" },
        test: "psi",
        statistic: 0.3,
        threshold: 0.2,
      },
    ],
  })

export const clearedDrift = (id: string, at: number = FEBRUARY + DAY_MILLIS, model = "flights") =>
  DriftCleared.make({
    id,
    model,
    version: "1",
    window,
    number: 3,
    reference,
    at,
    features: [{ name: "delay" }],
    reason: "recovered",
  })
