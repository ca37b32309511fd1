// When drift is reported and when it is over: k of the last n windows, once per drift, cleared
// after enough quiet windows. State is small enough to travel in every finding.
import type {
  DriftCleared,
  DriftFinding,
  DriftedFeature,
  Persistence,
  ReferenceTaken,
  Slice,
  TestOutcome,
  WindowEvaluated,
  WindowFinding,
} from "#proto/finding"
import { DETECTOR_TESTS } from "./detectors.ts"
import type { Evaluation } from "./evaluate.ts"
import type { DriftSettings } from "./settings.ts"

export const initialPersistence: Persistence = { recent: {}, drifting: [], began: [], ended: [] }

type Tested = Pick<TestOutcome, "feature" | "slice" | "test">

/** Tests that are left out of a window where there is nothing to test. */
const OCCASIONAL: ReadonlySet<string> = new Set(["null-rate", "unseen"])
/** What is remembered apart from the values of a column. */
const KINDS: ReadonlySet<string> = new Set([...OCCASIONAL, ...DETECTOR_TESTS, "classifier"])

/** What a test is remembered by: the feature, the slice, and what of it was tested. */
export const testKey = ({ feature, slice, test }: Tested): string =>
  JSON.stringify([
    feature,
    ...(KINDS.has(test) ? [test] : [""]),
    ...(slice === undefined ? [] : [slice.feature, slice.value]),
  ])

interface Key {
  readonly name: string
  readonly kind: string
  readonly slice?: Slice
}

const readKey = (key: string): Key => {
  const parts: unknown = JSON.parse(key)
  const [name = "", kind = "", feature, value] = Array.isArray(parts) ? parts.map(String) : []
  return feature === undefined || value === undefined
    ? { name, kind }
    : { name, kind, slice: { feature, value } }
}

const named = (key: string): { readonly name: string; readonly slice?: Slice } => {
  const { name, slice } = readKey(key)
  return slice === undefined ? { name } : { name, slice }
}

/** A detector that fires has weighed many rows already and starts anew: once is enough. */
const hitsOf = (key: string, hits: number): number =>
  DETECTOR_TESTS.has(readKey(key).kind) ? 1 : hits

const count = (history: string): number => history.replaceAll("0", "").length

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The state after a window. A test that said nothing leaves its history as it is; with a `share`
 * that the window does not reach, nothing counts as drifted.
 */
export const evolve = (
  before: Persistence,
  { tests, verdict }: Evaluation,
  { hits, windows, clear }: Pick<DriftSettings, "hits" | "windows" | "clear">,
): Persistence => {
  const recent = new Map(Object.entries(before.recent))
  const drifting = new Set(before.drifting)
  const began: Array<string> = []
  const ended: Array<string> = []
  const length = Math.max(windows, clear)
  const outcomes = new Map<string, boolean>()
  for (const test of tests)
    if (test.problem === undefined) outcomes.set(testKey(test), test.drifted && verdict === "drift")
  for (const key of recent.keys())
    if (!outcomes.has(key) && isQuiet(key, tests)) outcomes.set(key, false)
  for (const [key, hit] of [...outcomes].toSorted(([a], [b]) => byText(a, b))) {
    const history = `${recent.get(key) ?? ""}${hit ? "1" : "0"}`.slice(-length)
    recent.set(key, history)
    if (!drifting.has(key) && hit && count(history.slice(-windows)) >= hitsOf(key, hits)) {
      drifting.add(key)
      began.push(key)
    } else if (drifting.has(key) && history.endsWith("0".repeat(clear))) {
      drifting.delete(key)
      ended.push(key)
    }
    if (!drifting.has(key) && count(history) === 0) recent.delete(key)
  }
  return {
    recent: Object.fromEntries([...recent].toSorted(([a], [b]) => byText(a, b))),
    drifting: [...drifting].toSorted(byText),
    began,
    ended,
  }
}

/** Whether a test is absent because there was nothing to test: then it says no. */
const isQuiet = (key: string, tests: ReadonlyArray<TestOutcome>): boolean => {
  const { name, kind, slice } = readKey(key)
  if (!OCCASIONAL.has(kind)) return false
  return tests.some(
    (test) =>
      test.feature === name &&
      test.problem === undefined &&
      test.slice?.feature === slice?.feature &&
      test.slice?.value === slice?.value,
  )
}

const drifted = (test: TestOutcome): DriftedFeature => {
  const { feature, slice, test: name, statistic, pvalue, threshold, effect } = test
  return {
    name: feature,
    ...(slice === undefined ? {} : { slice }),
    test: name,
    ...(statistic === undefined ? {} : { statistic }),
    ...(pvalue === undefined ? {} : { pvalue }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(effect === undefined ? {} : { effect }),
  }
}

const REFERENCE_CHARACTERS = 8

const idOf = (kind: string, model: string, position: number, reference: string): string =>
  `drift-${kind}-${model}-${position}-${reference.slice(0, REFERENCE_CHARACTERS)}`

const afterWindow = (found: WindowEvaluated): ReadonlyArray<DriftFinding> => {
  const { model, version, window, number, reference, persistence, at } = found
  const fields = {
    model,
    ...(version === undefined ? {} : { version }),
    window,
    number,
    reference,
    at,
  }
  const began = found.tests.filter((test) => persistence.began.includes(testKey(test)))
  const findings: Array<DriftFinding> = []
  if (began.length > 0) {
    const id = idOf("detected", model, window.to, reference)
    findings.push({ _tag: "DriftDetected", ...fields, id, features: began.map(drifted) })
  }
  if (persistence.ended.length > 0) {
    const id = idOf("cleared", model, window.to, reference)
    const features = persistence.ended.map(named)
    findings.push({ _tag: "DriftCleared", ...fields, id, features, reason: "recovered" })
  }
  return findings
}

const afterReference = (found: ReferenceTaken): ReadonlyArray<DriftCleared> => {
  const { model, position, number, reference, at } = found
  if (found.cleared.length === 0) return []
  const window = { from: position, to: position, rows: 0, facts: 0, failed: 0 }
  const id = idOf("accepted", model, position, reference)
  const features = found.cleared.map(named)
  const fields = { id, model, window, number, reference, at, features }
  return [{ _tag: "DriftCleared", ...fields, reason: "accepted" }]
}

/** What is to be reported after a finding about windows: a function of that finding alone. */
export const decide = (found: WindowFinding): ReadonlyArray<DriftFinding> =>
  found._tag === "WindowEvaluated" ? afterWindow(found) : afterReference(found)
