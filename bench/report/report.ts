// What a bench found, and its way into files: JSON with everything, Markdown and a chart for
// people.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { inProject } from "../../cli/project.ts"
import type { Cell } from "../measure/cell.ts"
import { describeMachine, type Machine } from "../measure/machine.ts"
import { barChart, lineChart, type Bar, type Line } from "./chart.ts"
import { errorCount, markdown, whole } from "./markdown.ts"

export interface TextTable {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** A figure against its target. */
export interface Mark {
  readonly figure: string
  readonly got: string
  readonly must?: { readonly text: string; readonly held: boolean }
  readonly aim?: { readonly text: string; readonly held: boolean }
}

export type Chart =
  | { readonly kind: "bars"; readonly title: string; readonly bars: ReadonlyArray<Bar> }
  | {
      readonly kind: "lines"
      readonly title: string
      readonly across: string
      readonly lines: ReadonlyArray<Line>
    }

export interface Findings {
  /** The word behind `weir bench`. */
  readonly name: string
  readonly title: string
  readonly cells: ReadonlyArray<Cell>
  readonly tables: ReadonlyArray<TextTable>
  readonly marks: ReadonlyArray<Mark>
  /** What was left out and why, and what else a reader must know. */
  readonly notes: ReadonlyArray<string>
  readonly chart?: Chart
}

/** With the mark that holds for every bench: Weir answers all that it is asked. */
export const withErrorsMark = (findings: Findings): Findings => {
  const cells = findings.cells.filter(({ isWeir }) => isWeir)
  if (cells.length === 0) return findings
  const errors = cells.reduce((sum, cell) => sum + errorCount(cell), 0)
  const must = { text: "0", held: errors === 0 }
  const mark = { figure: "errors in all cells of Weir", got: whole(errors), must }
  return { ...findings, marks: [...findings.marks, mark] }
}

export interface Report extends Findings {
  readonly command: string
  readonly machine: Machine
}

/** `.weir/bench/<date>`, or what WEIR_BENCH_REPORTS names. */
export const reportFolder = (now: Date): string =>
  join(
    process.env["WEIR_BENCH_REPORTS"] ?? inProject(".weir", "bench"),
    now.toISOString().slice(0, 10),
  )

export const makeReport = async (
  findings: Findings,
  command: string,
  now: Date,
): Promise<Report> => ({ ...findings, command, machine: await describeMachine(now) })

const chartText = (chart: Chart): string =>
  chart.kind === "bars"
    ? barChart(chart.title, chart.bars)
    : lineChart(chart.title, chart.across, chart.lines)

/** Writes `<time>-<name>.json`, `.md` and `.svg`; resolves with the path of the Markdown. */
export const writeReport = async (report: Report, now: Date): Promise<string> => {
  const folder = reportFolder(now)
  mkdirSync(folder, { recursive: true })
  const time = now.toISOString().slice(11, 19).replaceAll(":", "")
  const stem = `${time}-${report.name}`
  const { chart } = report
  await Bun.write(join(folder, `${stem}.json`), `${JSON.stringify(report, null, 2)}\n`)
  if (chart !== undefined) await Bun.write(join(folder, `${stem}.svg`), chartText(chart))
  const text = markdown(report, chart === undefined ? undefined : `${stem}.svg`)
  const path = join(folder, `${stem}.md`)
  await Bun.write(path, text)
  return path
}
