// What the result of a suite over a window means after the windows before: which expectations began
// to fail, which are met again, and what is reported. Pure; the same window gives the same ids.
import type { ExpectationOutcome, QualityEvaluated, QualityReport } from "#proto/quality-finding"
import type { ExpectationResult, SuiteResult } from "./evaluate.ts"

/** Longest reason that a finding carries. */
const PROBLEM_MAX_CHARACTERS = 300
const PERCENT = 100

const columnsOf = ({ kwargs }: ExpectationResult["entry"]): ReadonlyArray<string> => {
  const { column, column_A: a, column_B: b, column_list: list } = kwargs
  return [column, a, b, ...(Array.isArray(list) ? list : [])].filter(
    (name) => typeof name === "string",
  )
}

const finite = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const outcomeOf = (one: ExpectationResult, index: number): ExpectationOutcome => {
  const { entry, success, result, failure } = one
  const percent = finite(result["unexpected_percent"])
  const observed = finite(result["observed_value"])
  const columns = columnsOf(entry)
  return {
    key: entry.id ?? `${index} ${entry.type} ${columns.join(" ")}`.trim(),
    type: entry.type,
    columns,
    ...(entry.severity === undefined ? {} : { severity: entry.severity }),
    success,
    ...(percent === undefined
      ? {}
      : { unexpectedPercent: Math.min(PERCENT, Math.max(0, percent)) }),
    ...(observed === undefined ? {} : { observed }),
    ...(failure === undefined
      ? {}
      : { problem: failure.message.slice(0, PROBLEM_MAX_CHARACTERS).toWellFormed() }),
  }
}

/** In the order of the suite. */
const outcomesOf = ({ suite, results }: SuiteResult): ReadonlyArray<ExpectationOutcome> =>
  suite.entries.flatMap((entry, index) => {
    const found = results.find((one) => one.entry === entry)
    return found === undefined ? [] : [outcomeOf(found, index)]
  })

export type Judged = Pick<QualityEvaluated, "outcomes" | "verdict" | "failing" | "began" | "ended">

/**
 * What a window says after `before`, the expectations that were failing. Without rows nothing
 * changes; what another suite called failing counts as over without a report.
 */
export const judgeWindow = (result: SuiteResult, before: ReadonlyArray<string>): Judged => {
  const outcomes = outcomesOf(result)
  const known = new Set(outcomes.map(({ key }) => key))
  const still = before.filter((key) => known.has(key))
  if (result.rows === 0)
    return { outcomes: [], verdict: "empty", failing: still, began: [], ended: [] }
  const failing = outcomes.filter(({ success }) => !success).map(({ key }) => key)
  return {
    outcomes,
    verdict: failing.length === 0 ? "met" : "failed",
    failing,
    began: failing.filter((key) => !still.includes(key)),
    ended: still.filter((key) => !failing.includes(key)),
  }
}

/** The reports that are due after a window, in their order. */
export const reportsOf = (finding: QualityEvaluated): ReadonlyArray<QualityReport> => {
  const { model, version, number, window, suite, suiteDigest, at, outcomes } = finding
  const fields = {
    model,
    ...(version === undefined ? {} : { version }),
    number,
    window,
    suite,
    suiteDigest,
    at,
  }
  const of = (_tag: QualityReport["_tag"], keys: ReadonlyArray<string>) => {
    const expectations = outcomes.filter(({ key }) => keys.includes(key))
    const id = `${_tag === "QualityFailed" ? "quality" : "recovered"}-${model}-${window.to}`
    return expectations.length === 0 ? [] : [{ _tag, id, ...fields, expectations }]
  }
  return [...of("QualityFailed", finding.began), ...of("QualityRecovered", finding.ended)]
}
