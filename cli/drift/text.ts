// What `weir drift` shows in a terminal: one line a window, and why those that drifted did.
import { decide } from "#core/drift/verdict"
import type { TestOutcome, WindowEvaluated } from "#proto/finding"
import { table } from "../table.ts"
import type { PastAnswer } from "./past.ts"

/** Tests that are named for one window. */
const NAMED_MAX = 3

const figure = (value: number | undefined): string =>
  value === undefined ? "–" : String(Number(value.toPrecision(3)))

const testWords = (outcome: TestOutcome): string => {
  const { feature, slice, test, statistic, pvalue, firedAt } = outcome
  const where = slice === undefined ? feature : `${feature} (${slice.feature} = ${slice.value})`
  if (firedAt !== undefined) return `${where}: ${test} at row ${firedAt} of the window`
  const p = pvalue === undefined ? "" : ` p ${figure(pvalue)}`
  return `${where}: ${test} ${figure(statistic)}${p}`
}

const why = ({ tests, verdict }: WindowEvaluated): string => {
  const drifted = tests
    .filter((one) => one.drifted)
    .toSorted((a, b) => (b.effect ?? 0) - (a.effect ?? 0))
  if (drifted.length > 0) {
    const more = drifted.length - NAMED_MAX
    const named = drifted.slice(0, NAMED_MAX).map(testWords).join("; ")
    return more > 0 ? `${named}; ${more} more` : named
  }
  const [largest] = tests
    .filter((one) => one.effect !== undefined)
    .toSorted((a, b) => (b.effect ?? 0) - (a.effect ?? 0))
  if (verdict === "insufficient") return tests[0]?.problem ?? ""
  return largest === undefined ? "" : `largest effect: ${testWords(largest)}`
}

const reported = (window: WindowEvaluated): string =>
  decide(window)
    .map(({ _tag }) => (_tag === "DriftDetected" ? "detected" : "cleared"))
    .join(", ")

/** The whole answer as text. */
export const pastText = ({ windows, rest, facts, report, notes }: PastAnswer): string => {
  const lines = windows.map((one) => [
    String(one.number),
    `${one.window.from}–${one.window.to}`,
    String(one.window.rows),
    one.verdict,
    reported(one),
    why(one),
  ])
  const heads = [
    { name: "#", align: "right" },
    { name: "POSITIONS" },
    { name: "ROWS", align: "right" },
    { name: "VERDICT" },
    { name: "REPORTED" },
    { name: "WHY" },
  ] as const
  const alarms = report.falseAlarmsPerDay
  return [
    `reference: ${report.reference}`,
    ...(windows.length === 0 ? ["no window is full"] : [table(heads, lines)]),
    `${facts} facts from ${report.from} to ${report.to}; ${rest.rows} rows behind the last window`,
    ...notes,
    ...(alarms === undefined ? [] : [`at most ${figure(alarms)} false alarms a day expected`]),
  ].join("\n")
}
