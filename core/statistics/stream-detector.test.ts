// A detector that is saved and restored goes on as if it had never stopped.
import { describe, expect, test } from "bun:test"
import { Adwin } from "./adwin.ts"
import { Ddm, Eddm } from "./error-rate.ts"
import { HddmA, HddmW } from "./hddm.ts"
import { Kswin } from "./kswin.ts"
import { calibrateOnlineMmd, OnlineMmd } from "./mmd-online.ts"
import { PageHinkley } from "./page-hinkley.ts"
import { fromList } from "./rows.ts"
import { seededRandom } from "./seeded-random.ts"
import type { StreamDetector } from "./stream-detector.ts"

const VALUES = 3_000
const BROKEN_OFF_AFTER = 137

/** Errors that become more frequent half-way, or numbers that rise. */
const stream = (kind: "errors" | "numbers") => {
  const random = seededRandom(8)
  return Array.from({ length: VALUES }, (_, at) => {
    const later = at >= VALUES / 2
    if (kind === "errors") return random() < (later ? 0.4 : 0.1) ? 1 : 0
    return random() + (later ? 0.5 : 0)
  })
}

const drifts = (make: () => StreamDetector, values: ReadonlyArray<number>, every: number) => {
  const found: Array<number> = []
  let detector = make()
  values.forEach((value, at) => {
    if (at > 0 && at % every === 0) {
      const saved = detector.save()
      detector = make()
      detector.restore(saved)
    }
    detector.update(value)
    if (detector.drift) found.push(at)
  })
  return found
}

const detectors = {
  adwin: ["numbers", () => new Adwin()],
  "page-hinkley": ["numbers", () => new PageHinkley({ threshold: 5 })],
  ddm: ["errors", () => new Ddm()],
  eddm: ["errors", () => new Eddm()],
  "hddm-a": ["errors", () => new HddmA({ twoSided: true })],
  "hddm-w": ["errors", () => new HddmW({ twoSided: true })],
} as const satisfies Record<string, readonly ["errors" | "numbers", () => StreamDetector]>

describe("a detector that is broken off and restored finds the same drift:", () => {
  for (const [name, [kind, make]] of Object.entries(detectors))
    test(name, () => {
      const whole = drifts(make, stream(kind), VALUES)
      expect(whole.length).toBeGreaterThan(0)
      expect(drifts(make, stream(kind), BROKEN_OFF_AFTER)).toEqual(whole)
    })

  test("kswin, but for what it draws", () => {
    const make = () => new Kswin({ seed: 5, alpha: 0.0001 })
    const found = drifts(make, stream("numbers"), BROKEN_OFF_AFTER)
    expect(found).toEqual(drifts(make, stream("numbers"), BROKEN_OFF_AFTER))
    expect(found.some((at) => at > VALUES / 2 && at < VALUES / 2 + 100)).toBe(true)
  })

  test("online MMD", () => {
    const random = seededRandom(1)
    const row = (shift: number) => Float64Array.from([random() + shift, random()])
    const reference = fromList(Array.from({ length: 120 }, () => row(0)))
    const options = { expectedRunLength: 500, windowSize: 10, bootstraps: 500, seed: 1 }
    const configuration = calibrateOnlineMmd(reference, options)
    const rows = Array.from({ length: 120 }, (_, at) => row(at < 60 ? 0 : 0.5))
    const run = (every: number) => {
      let detector = new OnlineMmd(configuration)
      return rows.map((one, at) => {
        if (at % every === 0) {
          const saved = detector.save()
          detector = new OnlineMmd(configuration)
          detector.restore(saved)
        }
        detector.update(one)
        return [detector.statistic, detector.drift]
      })
    }
    expect(run(17)).toEqual(run(1_000))
    expect(run(17).at(-1)?.[1]).toBe(true)
  })
})
