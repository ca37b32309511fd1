// A report of windows as one HTML file that needs nothing else: drawn from shares and statistics,
// never from rows, and small whatever the number of columns and windows.
import { decide } from "./verdict.ts"
import type { DriftFinding, TestOutcome, WindowEvaluated } from "#proto/finding"
import { picture, timeline } from "./report-svg.ts"
import type { Overlay } from "./overlay.ts"

export interface ReportFeature {
  readonly feature: string
  readonly test: string
  /** In the window whose effect was largest. */
  readonly overlay: Overlay | undefined
  /** Number of that window. */
  readonly at: number
}

export interface ReportInput {
  readonly model: string
  /** Where the reference came from, and its rows. */
  readonly reference: string
  readonly from: number
  readonly to: number
  readonly windows: ReadonlyArray<WindowEvaluated>
  readonly features: ReadonlyArray<ReportFeature>
  readonly falseAlarmsPerDay: number | undefined
}

export const REPORT_BYTES_MAX = 300_000

/** How much is shown; what is left out is counted. */
interface Extent {
  /** Columns that are drawn, those that drifted most often first. */
  readonly features: number
  /** Rows of the table of windows that drifted. */
  readonly windows: number
  /** Tests that are named in one of them. */
  readonly reasons: number
}
/** The first that fits is taken. */
const EXTENTS: ReadonlyArray<Extent> = [
  { features: 60, windows: 200, reasons: 5 },
  { features: 60, windows: 60, reasons: 3 },
  { features: 40, windows: 40, reasons: 2 },
]
const LEAST: Extent = { features: 15, windows: 15, reasons: 1 }
const PROBLEMS_MAX = 60
const NAME_MAX_CHARACTERS = 80

const escape = (given: string): string =>
  (given.length <= NAME_MAX_CHARACTERS
    ? given
    : `${given.slice(0, NAME_MAX_CHARACTERS - 1).toWellFormed()}…`
  )
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

const STYLE = `body{font:14px system-ui,sans-serif;margin:2em auto;max-width:70em;color:#222}
h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}
td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}.d{color:#b00020;font-weight:600}
.f{display:inline-block;width:33em;margin:0 1em 1.5em 0;vertical-align:top}
.f b{font-size:1em}svg{display:block}.r{fill:#9bb7d4}.w{fill:none;stroke:#d9480f;stroke-width:1.5}
.l{fill:none;stroke:#888}.t{stroke:#b00020;stroke-dasharray:4 3}.p{fill:#888}.h{fill:#b00020}
text{font-size:10px;fill:#555}`

const short = (value: number | undefined): string =>
  value === undefined
    ? ""
    : Math.abs(value) < 0.001 && value !== 0
      ? value.toExponential(1)
      : String(Number(value.toPrecision(3)))

const nameOf = (test: WindowEvaluated["tests"][number]): string =>
  test.slice === undefined
    ? test.feature
    : `${test.feature} (${test.slice.feature} = ${test.slice.value})`

const reasons = (window: WindowEvaluated, most: number): string => {
  const drifted = window.tests.filter((test) => test.drifted)
  const told = drifted
    .toSorted((a, b) => (b.effect ?? 0) - (a.effect ?? 0))
    .slice(0, most)
    .map((test) => {
      if (test.firedAt !== undefined)
        return `${escape(nameOf(test))}: ${test.test} at row ${test.firedAt} of the window`
      const p = test.pvalue === undefined ? "" : `, p ${short(test.pvalue)}`
      return `${escape(nameOf(test))}: ${test.test} ${short(test.statistic)}${p}`
    })
  const more = drifted.length - told.length
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("<br>")
}

const reported = (findings: ReadonlyArray<DriftFinding>, most: number): string =>
  findings
    .map(({ _tag, features }) => {
      const names = features.slice(0, most).map(({ name }) => escape(name))
      const more = features.length > most ? ", …" : ""
      return `${_tag === "DriftDetected" ? "detected" : "cleared"}: ${names.join(", ")}${more}`
    })
    .join("<br>")

const windowRow = (window: WindowEvaluated, most: number): string => {
  const { from, to, rows, firstAt } = window.window
  const at = firstAt === undefined ? "" : new Date(firstAt).toISOString().slice(0, 16)
  const cells = [
    `<td class=n>${window.number}`,
    `<td class=n>${from}–${to}`,
    `<td>${at}`,
    `<td class=n>${rows}`,
    `<td>${reasons(window, most)}`,
    `<td class=d>${reported(decide(window), most)}`,
  ]
  return `<tr>${cells.join("")}`
}

const windowTable = (windows: ReadonlyArray<WindowEvaluated>, extent: Extent): string => {
  const fired = windows.filter((one) => one.verdict === "drift" || decide(one).length > 0)
  if (fired.length === 0) return "<p>No window drifted."
  const shown = fired.slice(-extent.windows)
  const left = fired.length - shown.length
  const note = left > 0 ? `<p>The last ${shown.length}; ${left} earlier ones are left out.` : ""
  const rows = shown.map((one) => windowRow(one, extent.reasons))
  const head = "<tr><th>#<th>positions<th>began (UTC)<th>rows<th>why<th>reported"
  return `${note}<table>${head}${rows.join("\n")}</table>`
}

const problems = (windows: ReadonlyArray<WindowEvaluated>): string => {
  const counts = new Map<string, number>()
  for (const { tests } of windows)
    for (const test of tests)
      if (test.problem !== undefined) {
        const key = `${nameOf(test)}: ${test.problem}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
  if (counts.size === 0) return ""
  const lines = [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, PROBLEMS_MAX)
    .map(([key, count]) => `<li>${escape(key)} (${count} windows)`)
  return `<h2>Not tested</h2><ul>${lines.join("")}</ul>`
}

/** What is drawn of one feature. */
interface Drawn {
  readonly one: ReportFeature
  /** Per window the outcome over all rows. */
  readonly points: Array<TestOutcome | undefined>
  /** Windows in which it drifted, slices included. */
  hits: number
}

const keyOf = (feature: string, test: string): string => JSON.stringify([feature, test])

const gather = ({ windows, features }: ReportInput): ReadonlyArray<Drawn> => {
  const drawn = new Map<string, Drawn>(
    features.map((one) => [
      keyOf(one.feature, one.test),
      { one, points: windows.map(() => undefined), hits: 0 },
    ]),
  )
  windows.forEach(({ tests }, at) => {
    const hit = new Set<Drawn>()
    for (const test of tests) {
      const found = drawn.get(keyOf(test.feature, test.test))
      if (found === undefined) continue
      if (test.slice === undefined) found.points[at] = test
      if (test.drifted) hit.add(found)
    }
    for (const found of hit) found.hits++
  })
  return [...drawn.values()].toSorted((a, b) => b.hits - a.hits)
}

const featureBlock = ({ one, points, hits }: Drawn): string => {
  const drawn = one.overlay === undefined ? "" : picture(one.overlay)
  const mark = hits > 0 ? ` <span class=d>drifted in ${hits}</span>` : ""
  const head = `<b>${escape(one.feature)}</b> ${one.test}${mark}<br>`
  const first = `window ${one.at} (line) and reference (bars)${drawn}`
  return `<div class=f>${head}${first}effect by window${timeline(points)}</div>`
}

const write = (input: ReportInput, ordered: ReadonlyArray<Drawn>, extent: Extent): string => {
  const { model, reference, from, to, windows, falseAlarmsPerDay } = input
  const shown = ordered.slice(0, extent.features)
  const left = ordered.length - shown.length
  const drifted = windows.filter(({ verdict }) => verdict === "drift").length
  const rows = windows.reduce((sum, { window }) => sum + window.rows, 0)
  const alarms =
    falseAlarmsPerDay === undefined
      ? ""
      : `<p>At this rate of windows at most ${short(falseAlarmsPerDay)} reports a day are false
alarms, if windows are independent.`
  return `<!doctype html><html lang=en><meta charset=utf-8><title>Drift of ${escape(model)}</title>
<style>${STYLE}</style><h1>Drift of ${escape(model)}</h1>
<p>Positions ${from} to ${to}: ${windows.length} windows, ${rows} rows; ${drifted} windows drifted.
Reference: ${escape(reference)}.${alarms}
<h2>Windows that drifted</h2>${windowTable(windows, extent)}
<h2>Columns</h2>${left > 0 ? `<p>${left} columns that drifted least are left out.` : ""}
${shown.map(featureBlock).join("\n")}
${problems(windows)}</html>
`
}

/** The report, at most 300 kB: what is too much is counted instead of drawn. */
export const htmlReport = (input: ReportInput): string => {
  const ordered = gather(input)
  for (const extent of EXTENTS) {
    const html = write(input, ordered, extent)
    if (Buffer.byteLength(html) <= REPORT_BYTES_MAX) return html
  }
  return write(input, ordered, LEAST)
}
