// The outcome of a suite as one page of HTML that needs nothing else. It judges nothing.
import type { ExpectationResult, SuiteResult } from "./evaluate.ts"

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}
const escape = (text: string): string => text.replace(/[&<>"']/g, (found) => ESCAPES[found] ?? "")

/** Values of a list that the page shows, and characters of one value. */
const VALUES_MOST = 10
const CHARACTERS_MOST = 120

const written = (value: unknown): string => {
  if (value === undefined) return ""
  if (typeof value === "number") return String(value)
  if (Array.isArray(value)) return `[${value.map(quoted).join(",")}]`
  return JSON.stringify(value)
}
const quoted = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : written(value)

const short = (value: unknown): string => {
  const text = typeof value === "string" ? value : written(value)
  return text.length > CHARACTERS_MOST ? `${text.slice(0, CHARACTERS_MOST)}…` : text
}

const number = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(6))) : short(value)

/** What was seen, in one line: for people, also used by the table of the command line. */
export const observedText = ({ result, failure }: ExpectationResult): string => {
  if (failure !== undefined) return failure.message
  const { observed_value: observed, unexpected_count: count, element_count: rows } = result
  if (count !== undefined && rows !== undefined) {
    const list = result["partial_unexpected_list"]
    const values = Array.isArray(list) ? list.slice(0, VALUES_MOST).map(short).join(", ") : ""
    const share = number(result["unexpected_percent"] ?? 0)
    if (count === 0) return `${number(rows)} rows, none unexpected`
    return `${number(count)} of ${number(rows)} rows unexpected (${share} %): ${values}`
  }
  if (observed !== undefined && observed !== null) return number(observed)
  return Object.entries(result)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${number(value)}`)
    .join(", ")
}

/** The arguments but the column, in one line. */
export const kwargsText = ({ entry }: ExpectationResult): string =>
  Object.entries(entry.kwargs)
    .filter(([name, value]) => name !== "column" && value !== null && name !== "condition_parser")
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(", ")

/** The column or columns that the expectation is about. */
export const columnText = ({ entry: { kwargs } }: ExpectationResult): string => {
  const { column, column_A: a, column_B: b } = kwargs
  if (typeof column === "string") return column
  return typeof a === "string" && typeof b === "string" ? `${a}, ${b}` : ""
}

export const stateText = ({ success, failure }: ExpectationResult): string =>
  failure === undefined ? (success ? "met" : "not met") : "error"

const STYLE = `
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
td{overflow-wrap:anywhere}
.state{white-space:nowrap;font-weight:600}
.met .state{color:#1a7f37}.bad .state,.error .state{color:#cf222e}
.summary{font-size:1.15rem}
`

const row = (one: ExpectationResult): string => {
  const state = stateText(one)
  const kind = { met: "met", "not met": "bad", error: "error" }[state] ?? "error"
  const cells = [one.entry.type, columnText(one), kwargsText(one), observedText(one)]
  const rest = cells.map((cell) => `<td>${escape(cell)}</td>`).join("")
  return `<tr class="${kind}"><td class="state">${state}</td>${rest}</tr>`
}

/** A whole HTML document; every value in it is escaped. */
export const htmlReport = (outcome: SuiteResult): string => {
  const { suite, success, evaluated, successful, rows, results } = outcome
  const head = `${successful} of ${evaluated} expectations met on ${rows} rows`
  const heads = ["", "Expectation", "Column", "Arguments", "Observed"]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(suite.name)}: ${success ? "met" : "not met"}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(suite.name)}</h1>
<p class="summary">${success ? "Met" : "Not met"}: ${head}.</p>
<table>
<thead><tr>${heads.map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead>
<tbody>
${results.map(row).join("\n")}
</tbody>
</table>
</body>
</html>
`
}
