// A report as Markdown: where it was measured, each figure against its target, every cell, and what
// its processes used.
import { bytesText } from "../../cli/table.ts"
import type { Cell } from "../measure/cell.ts"
import type { Machine } from "../measure/machine.ts"
import type { Mark, Report, TextTable } from "./report.ts"

const cellText = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

export const tableText = ({ title, columns, rows }: TextTable): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.map(cellText).join(" | ")} |`
  const lines = [line(columns), line(columns.map(() => "---")), ...rows.map(line)]
  return `${title === "" ? "" : `## ${title}\n\n`}${lines.join("\n")}\n`
}

/** Milliseconds with three digits that count. */
export const millis = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

export const whole = (value: number): string => Math.round(value).toLocaleString("en-US")

export const errorCount = ({ errors }: Pick<Cell, "errors">): number =>
  Object.values(errors).reduce((sum, count) => sum + count, 0)

const errorText = ({ errors }: Cell): string =>
  Object.entries(errors)
    .map(([what, count]) => `${what} ×${count}`)
    .join(", ") || "0"

export const cellsTable = (cells: ReadonlyArray<Cell>): TextTable => ({
  title: "Cells",
  columns: [
    "system",
    "load",
    "rows",
    "form",
    "req/s",
    "rows/s",
    "p50 ms",
    "p90",
    "p99",
    "p99.9",
    "max",
    "errors",
  ],
  rows: cells.map((cell) => [
    cell.system,
    cell.load,
    String(cell.rowsPerRequest),
    cell.form,
    whole(cell.perSecond),
    whole(cell.rowsPerSecond),
    millis(cell.latency.p50),
    millis(cell.latency.p90),
    millis(cell.latency.p99),
    millis(cell.latency.p999),
    millis(cell.latency.max),
    errorText(cell),
  ]),
})

const processesTable = (cells: ReadonlyArray<Cell>): TextTable => ({
  title: "What the processes used",
  columns: [
    "system",
    "load",
    "rows",
    "process",
    "number",
    "RSS",
    "RSS peak",
    "PSS",
    "CPU µs/request",
    "CPU %",
    "open files",
    "log messages/request",
  ],
  rows: cells.flatMap((cell) => [
    ...cell.processes.map((part) => [
      cell.system,
      cell.load,
      String(cell.rowsPerRequest),
      part.name,
      String(part.processes),
      bytesText(part.rssBytes),
      bytesText(part.rssPeakBytes),
      bytesText(part.pssBytes),
      whole(part.cpuMicrosPerRequest),
      whole(part.cpuPercent),
      String(part.openFiles),
      cell.log === undefined ? "" : (cell.log.messages / Math.max(1, cell.answered)).toFixed(2),
    ]),
    [
      cell.system,
      cell.load,
      String(cell.rowsPerRequest),
      "load generator",
      "1",
      "",
      "",
      "",
      whole(cell.generatorCpuMicrosPerRequest),
    ],
  ]),
})

export const marksTable = (marks: ReadonlyArray<Mark>): TextTable => {
  const held = (side: Mark["must"]) =>
    side === undefined ? "" : `${side.text} ${side.held ? "✓" : "✗"}`
  return {
    title: "Against the targets",
    columns: ["figure", "got", "must", "aim"],
    rows: marks.map(({ figure, got, must, aim }) => [figure, got, held(must), held(aim)]),
  }
}

const machineText = (machine: Machine): string =>
  [
    `- ${machine.date}, commit ${machine.commit}${machine.isChanged ? " with changes" : ""}`,
    `- ${machine.cpu}, ${machine.cores} cores, ${bytesText(machine.memoryBytes)}, ` +
      `${machine.system}, load before the report ${machine.load}`,
    `- Bun ${machine.bun}, nats-server ${machine.natsServer}`,
  ].join("\n")

/** The whole page; `chart` is the file name of its chart. */
export const markdown = (report: Report, chart: string | undefined): string =>
  [
    `# ${report.title}\n`,
    `    ${report.command}\n`,
    `${machineText(report.machine)}\n`,
    ...(chart === undefined ? [] : [`![${report.title}](${chart})\n`]),
    ...(report.marks.length === 0 ? [] : [tableText(marksTable(report.marks))]),
    ...report.tables.map(tableText),
    ...(report.cells.length === 0
      ? []
      : [tableText(cellsTable(report.cells)), tableText(processesTable(report.cells))]),
    ...(report.notes.length === 0
      ? []
      : ["## Notes\n", `${report.notes.map((note) => `- ${note}`).join("\n")}\n`]),
  ].join("\n")
