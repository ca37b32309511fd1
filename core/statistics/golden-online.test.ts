import { expect } from "bun:test"
import { Schema } from "effect"
import { Adwin } from "./adwin.ts"
import { Ddm, Eddm } from "./error-rate.ts"
import { goldenTest } from "./golden-test.ts"
import { golden, sample, stream } from "./vectors.ts"
import { HddmA, HddmW } from "./hddm.ts"
import { Kswin } from "./kswin.ts"
import { PageHinkley } from "./page-hinkley.ts"
import type { ErrorRateDetector, StreamDetector } from "./stream-detector.ts"

const Params = Schema.Record(
  Schema.String,
  Schema.Union([Schema.Number, Schema.String, Schema.Boolean]),
)

/** River's names of parameters, and ours. */
const OURS: Record<string, string> = {
  max_buckets: "bucketsMax",
  min_window_length: "sideMin",
  grace_period: "grace",
  min_instances: "instancesMin",
  window_size: "windowSize",
  stat_size: "statisticSize",
  warm_start: "warmStart",
  warning_threshold: "warningThreshold",
  drift_threshold: "driftThreshold",
  drift_confidence: "driftConfidence",
  warning_confidence: "warningConfidence",
  lambda_val: "lambda",
  two_sided_test: "twoSided",
}

const options = (params: unknown) =>
  Object.fromEntries(
    Object.entries(Schema.decodeUnknownSync(Params)(params)).map(([key, value]) => [
      OURS[key] ?? key,
      value,
    ]),
  )

const DETECTORS: Record<string, (given: object) => StreamDetector | ErrorRateDetector> = {
  ADWIN: (given) => new Adwin(given),
  PageHinkley: (given) => new PageHinkley(given),
  KSWIN: (given) => new Kswin({ seed: 0, ...given }),
  DDM: (given) => new Ddm(given),
  EDDM: (given) => new Eddm(given),
  HDDM_A: (given) => new HddmA(given),
  HDDM_W: (given) => new HddmW(given),
}
const ERROR_RATES = new Set(["DDM", "EDDM", "HDDM_A", "HDDM_W"])
const CHECKPOINT = 200

goldenTest(
  "online.json",
  Bun.env["WEIR_GOLDEN"],
  "detectors over a stream fire at the same values as river's",
  () => {
    const differences = golden("online.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const name = String(input["detector"])
      const values =
        input["values"] === undefined ? stream(input["stream"]) : sample(input["values"])
      const detector = DETECTORS[name]!(options(input["params"]))
      const detections: Array<number> = []
      const warnings: Array<number> = []
      const checkpoints: Array<object> = []
      const width_and_estimation: Array<ReadonlyArray<number>> = []
      values.forEach((value, i) => {
        detector.update(ERROR_RATES.has(name) ? Number(value !== 0) : value)
        if (detector.drift) detections.push(i)
        if ("warning" in detector && detector.warning) warnings.push(i)
        if (!(detector instanceof Adwin)) return
        const { width, estimation, variance, total } = detector
        width_and_estimation.push([width, estimation])
        const n_detections = Number(detector.drift)
        if ((i + 1) % CHECKPOINT === 0)
          checkpoints.push({ after: i + 1, width, estimation, variance, total, n_detections })
      })
      return { detections, warnings, checkpoints, width_and_estimation }
    })
    expect(differences).toEqual([])
  },
)
