// What `weir quality` prints for people.
import type { SuiteResult } from "#core/quality/evaluate"
import { columnText, kwargsText, observedText, stateText } from "#core/quality/html-report"
import { plain } from "../table.ts"

/** A line for each expectation, and how many are met. */
export const resultText = (outcome: SuiteResult): string => {
  const rows = outcome.results.map((one) => {
    const column = columnText(one)
    const about = column === "" ? one.entry.type : `${one.entry.type} ${column}`
    const rest = [kwargsText(one), observedText(one)].filter((text) => text !== "").join(" | ")
    return plain(`${stateText(one).padEnd(7)}  ${about}${rest === "" ? "" : ` | ${rest}`}`)
  })
  const { successful, evaluated, rows: count, suite } = outcome
  const name = suite.name === "" ? "" : `${plain(suite.name)}: `
  return [...rows, "", `${name}${successful} of ${evaluated} met on ${count} rows`].join("\n")
}
