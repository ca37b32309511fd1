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
import type { Evaluation } from "./evaluate.ts"
import type { DriftSettings } from "./settings.ts"

export const initialPersistence: Persistence = { recent: {}, drifting: [], began: [], ended: [] }

type Tested = Pick<TestOutcome, "feature" | "slice" | "test">

/** The nulls and the new categories of a column are remembered apart from its values. */
const KINDS: ReadonlySet<string> = new Set(["null-rate", "unseen"])

/** What a test is remembered by: the feature, the slice, and what of it was tested. */
export const testKey = ({ feature, slice, test }: Tested): string =>
  JSON.stringify([
    feature,
    ...(KINDS.has(test) ? [test] : [""]),
    ...(slice === undefined ? [] : [slice.feature, slice.value]),
  ])

const readKey = (key: string): { readonly name: string; readonly slice?: Slice } => {
  const parts: unknown = JSON.parse(key)
  const [name = "", , feature, value] = Array.isArray(parts) ? parts.map(String) : []
  return feature === undefined || value === undefined
    ? { name }
    : { name, slice: { feature, value } }
}

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
  // A test of nulls or new categories is left out of a window where there is nothing to test.
  for (const key of recent.keys())
    if (!outcomes.has(key) && isQuiet(key, tests)) outcomes.set(key, false)
  for (const [key, hit] of [...outcomes].toSorted(([a], [b]) => byText(a, b))) {
    const history = `${recent.get(key) ?? ""}${hit ? "1" : "0"}`.slice(-length)
    recent.set(key, history)
    if (!drifting.has(key) && hit && count(history.slice(-windows)) >= hits) {
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

/** Whether the column's values were tested: then the absence of a special test means no. */
const isQuiet = (key: string, tests: ReadonlyArray<TestOutcome>): boolean => {
  const { name, slice } = readKey(key)
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
    const features = persistence.ended.map(readKey)
    findings.push({ _tag: "DriftCleared", ...fields, id, features, reason: "recovered" })
  }
  return findings
}

const afterReference = (found: ReferenceTaken): ReadonlyArray<DriftCleared> => {
  const { model, position, number, reference, at } = found
  if (found.cleared.length === 0) return []
  const window = { from: position, to: position, rows: 0, facts: 0, failed: 0 }
  const id = idOf("accepted", model, position, reference)
  const features = found.cleared.map(readKey)
  const fields = { id, model, window, number, reference, at, features }
  return [{ _tag: "DriftCleared", ...fields, reason: "accepted" }]
}

/** What is to be reported after a finding about windows: a function of that finding alone. */
export const decide = (found: WindowFinding): ReadonlyArray<DriftFinding> =>
  found._tag === "WindowEvaluated" ? afterWindow(found) : afterReference(found)
