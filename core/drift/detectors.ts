// The detectors over a stream that can be configured, by name, with what each can be told. A
// detector starts with the reference and remembers every row from then on.
import { Schema } from "effect"
import { Adwin } from "#core/statistics/adwin"
import { Ddm, Eddm } from "#core/statistics/error-rate"
import { HddmA, HddmW } from "#core/statistics/hddm"
import { Kswin } from "#core/statistics/kswin"
import { RUN_LENGTH_MAX } from "#core/statistics/mmd-online"
import { PageHinkley } from "#core/statistics/page-hinkley"
import type { StreamDetector } from "#core/statistics/stream-detector"

const between = (minimum: number, maximum: number) =>
  Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum, maximum })))
const whole = (minimum: number, maximum: number) =>
  Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const CHANCE = between(1e-12, 1)
const columns = Schema.optionalKey(
  Schema.NonEmptyArray(Schema.String).annotate({
    description: "Columns that are watched; without them every one that the detector fits",
  }),
)
const confidences = {
  drift_confidence: CHANCE,
  warning_confidence: CHANCE,
  two_sided: Schema.optionalKey(Schema.Boolean),
}

const detector = <const Name extends string, const Fields extends Schema.Struct.Fields>(
  name: Name,
  fields: Fields,
) => Schema.Struct({ detector: Schema.Literal(name), columns, ...fields })

/** One detector of the configuration. Defaults are those of river, but for the two below. */
export const OnlineDetector = Schema.Union([
  detector("adwin", { delta: CHANCE }),
  detector("page-hinkley", {
    delta: between(0, 1_000),
    threshold: between(0, 1_000_000),
    mode: Schema.optionalKey(Schema.Literals(["up", "down", "both"])),
  }),
  detector("kswin", { alpha: CHANCE, window: whole(10, 5_000), newest: whole(5, 2_500) }),
  detector("ddm", { warning: between(0, 100), drift: between(0, 100) }),
  detector("eddm", { alpha: CHANCE, beta: CHANCE }),
  detector("hddm-a", confidences),
  detector("hddm-w", { ...confidences, lambda: CHANCE }),
  detector("mmd", {
    /** Rows between two false alarms, on average. */
    run_length: Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: RUN_LENGTH_MAX })),
    window: whole(2, 500),
    rows: whole(20, 2_000),
  }),
])
export type OnlineDetector = typeof OnlineDetector.Type
export type ColumnDetector = Exclude<OnlineDetector, { readonly detector: "mmd" }>

/** Per row: with river's 0.005 it would fire in most windows without any change. */
const KSWIN_ALPHA = 1e-6
/** In deviations of the reference: with river's 0.005 it fires every few thousand rows. */
const PAGE_HINKLEY_DELTA = 0.1
const PAGE_HINKLEY_THRESHOLD = 50
const ADWIN_DELTA = 0.002
const ADWIN_ROWS_BETWEEN_CHECKS = 32

/** What a test of a finding is called. */
export const detectorTest = ({ detector: name }: OnlineDetector): string =>
  name === "mmd" ? "mmd-online" : name

const COLUMN_DETECTORS = [
  "adwin",
  "page-hinkley",
  "kswin",
  "ddm",
  "eddm",
  "hddm-a",
  "hddm-w",
] as const satisfies ReadonlyArray<ColumnDetector["detector"]>

export const DETECTOR_TESTS: ReadonlySet<string> = new Set([...COLUMN_DETECTORS, "mmd-online"])

export const isColumnDetector = (name: string): name is ColumnDetector["detector"] =>
  COLUMN_DETECTORS.some((one) => one === name)

/** What a detector takes: errors as 0 and 1, or numbers by the reference's own scale. */
export type Scale = "errors" | "unit" | "deviations" | "as-they-are"
export const scaleOf = ({ detector: name }: ColumnDetector): Scale => {
  if (name === "adwin") return "unit"
  if (name === "page-hinkley") return "deviations"
  return name === "kswin" ? "as-they-are" : "errors"
}

/** The options that were given, under the names that the detectors have for them. */
const given = <A extends object>(options: { readonly [K in keyof A]: A[K] | undefined }): A => {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  // Boundary: only keys without a value are left out, and each option of A is optional.
  return Object.fromEntries(entries) as A
}

/** A detector that has seen nothing; `seed` is of what it draws. */
export const makeDetector = (one: ColumnDetector, seed: number): StreamDetector => {
  switch (one.detector) {
    case "adwin":
      return new Adwin(given({ delta: one.delta }))
    case "page-hinkley":
      return new PageHinkley(
        given({
          delta: one.delta ?? PAGE_HINKLEY_DELTA,
          threshold: one.threshold ?? PAGE_HINKLEY_THRESHOLD,
          mode: one.mode,
        }),
      )
    case "kswin": {
      const sizes = { windowSize: one.window, statisticSize: one.newest }
      return new Kswin({ seed, ...given({ alpha: one.alpha ?? KSWIN_ALPHA, ...sizes }) })
    }
    case "ddm":
      return new Ddm(given({ warningThreshold: one.warning, driftThreshold: one.drift }))
    case "eddm":
      return new Eddm(given({ alpha: one.alpha, beta: one.beta }))
    case "hddm-a":
      return new HddmA(hddm(one))
    case "hddm-w":
      return new HddmW({ ...hddm(one), ...given({ lambda: one.lambda }) })
  }
}

const hddm = (one: Extract<ColumnDetector, { readonly detector: "hddm-a" | "hddm-w" }>) =>
  given({
    driftConfidence: one.drift_confidence,
    warningConfidence: one.warning_confidence,
    twoSided: one.two_sided,
  })

/** Rows between two false alarms of a one-sided CUSUM of normal deviations (Siegmund 1985). */
const cusumRunLength = (delta: number, threshold: number): number => {
  const reach = 2 * delta * threshold
  return delta === 0 ? threshold ** 2 : (Math.exp(reach) - reach - 1) / (2 * delta ** 2)
}

/**
 * False alarms per row and column that a detector may give, at most or about; `undefined` for
 * detectors of error rates, of which no law is known.
 */
export const alarmsPerRow = (one: OnlineDetector): number | undefined => {
  switch (one.detector) {
    case "mmd":
      return 1 / one.run_length
    case "adwin":
      return (one.delta ?? ADWIN_DELTA) / ADWIN_ROWS_BETWEEN_CHECKS
    case "kswin":
      return one.alpha ?? KSWIN_ALPHA
    case "page-hinkley": {
      const { delta = PAGE_HINKLEY_DELTA, threshold = PAGE_HINKLEY_THRESHOLD, mode } = one
      const sides = mode === "up" || mode === "down" ? 1 : 2
      return sides / cusumRunLength(delta, threshold)
    }
    default:
      return undefined
  }
}
