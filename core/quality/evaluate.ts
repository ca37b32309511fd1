// Runs a suite on a table and judges each expectation as Great Expectations does, of 0.x for a
// suite of 0.x. One failing expectation never keeps another from being run.
import {
  MetricFailed,
  type AggregateCheck,
  type MapCheck,
  type MissingPair,
  type MissingRecord,
  type RecordCheck,
  type RecordsCheck,
  type SuiteVersion,
} from "./check.ts"
import { domainWhere } from "./condition.ts"
import { columnIn } from "./aggregates.ts"
import {
  formatMap,
  PARTIAL_COUNT,
  type FormatOptions,
  type MapOutcome,
  type ResultFormat,
} from "./result-format.ts"
import type { Suite, SuiteEntry } from "./suite.ts"
import { cellAt, isMissing, presentRows, wholeTable } from "./table.ts"
import type { Cell, Column, Domain, Table } from "./table.ts"

export interface EvaluateOptions {
  /** How much is told of each expectation; the tool's default is SUMMARY. */
  readonly format?: ResultFormat
  /** Length of the partial lists. */
  readonly partialCount?: number
  /** `unexpected_index_column_names`: columns whose values name a row in the index lists. */
  readonly indexColumns?: ReadonlyArray<string>
}

/** Something went wrong while an expectation was evaluated; the metric is known or not. */
export interface Failure {
  readonly metrics: ReadonlyArray<string>
  readonly column: string | undefined
  readonly message: string
}

export interface ExpectationResult {
  readonly entry: SuiteEntry
  readonly success: boolean
  readonly result: Readonly<Record<string, unknown>>
  readonly failure: Failure | undefined
}

export interface SuiteResult {
  readonly suite: Suite
  readonly success: boolean
  readonly rows: number
  readonly results: ReadonlyArray<ExpectationResult>
  readonly evaluated: number
  readonly successful: number
}

type Judged = Pick<ExpectationResult, "success" | "result">

const isMet = ({ considered, unexpected }: MapOutcome, mostly: number): boolean =>
  considered === 0 || (considered - unexpected.length) / considered >= mostly

const withoutMissing = (
  columns: ReadonlyArray<Column>,
  rows: Uint32Array,
  rule: MissingPair | MissingRecord,
): Uint32Array => {
  if (rule === "neither" || rule === "never") return rows
  const ignoresAny = rule === "either_value_is_missing" || rule === "any_value_is_missing"
  return rows.filter((row) =>
    ignoresAny
      ? !columns.some((column) => isMissing(column, row))
      : !columns.every((column) => isMissing(column, row)),
  )
}

const recordOutcome = (
  check: RecordCheck | RecordsCheck,
  columns: ReadonlyArray<Column>,
  { rows }: Domain,
): MapOutcome => {
  const considered = withoutMissing(columns, rows, check.ignoreRowIf)
  const base = { elements: rows.length, considered: considered.length }
  if (check.kind === "records")
    return { ...base, unexpected: check.unexpected(columns, considered) }
  const test = check.compile(columns.map(({ type }) => type))
  const cells: Array<Cell> = columns.map(() => null)
  const unexpected = considered.filter((row) => {
    for (let i = 0; i < columns.length; i++) cells[i] = cellAt(columns[i]!, row)
    return !test(cells)
  })
  return { ...base, unexpected }
}

const columnOutcome = (
  check: Exclude<MapCheck, RecordCheck | RecordsCheck>,
  column: Column,
  { rows }: Domain,
  version: SuiteVersion,
): MapOutcome => {
  const isEveryRow = check.kind === "value" && check.everyRow
  const present = isEveryRow ? rows : presentRows(column, rows)
  const base = { elements: rows.length, considered: present.length }
  if (check.kind === "column")
    return { ...base, unexpected: check.unexpected(column, present, rows, version) }
  const test = check.compile(column.type)
  return { ...base, unexpected: present.filter((row) => !test(cellAt(column, row))) }
}

const judgeMap = (check: MapCheck, domain: Domain, options: FormatOptions): Judged => {
  const isRecord = check.kind === "record" || check.kind === "records"
  const names = isRecord ? check.columns : [check.column]
  const columns = names.map((name) => columnIn(domain, name, `${check.metric}.condition`))
  const outcome = isRecord
    ? recordOutcome(check, columns, domain)
    : columnOutcome(check, columns[0]!, domain, options.version)
  return {
    success: isMet(outcome, check.mostly),
    result: formatMap(check, names, columns, outcome, options),
  }
}

const judgeAggregate = (check: AggregateCheck, domain: Domain, options: FormatOptions): Judged => {
  const observation = check.observe(domain, options.version)
  if ("kind" in observation) return judgeMap(observation, domain, options)
  const isSilent = options.format === "BOOLEAN_ONLY"
  return { success: observation.success, result: isSilent ? {} : (observation.result ?? {}) }
}

const columnName = (kwargs: SuiteEntry["kwargs"]): string | undefined => {
  const { column } = kwargs
  return typeof column === "string" ? column : undefined
}

const failed = (entry: SuiteEntry, error: MetricFailed, isMissingColumn: boolean): Failure => {
  const metric = error.metric ?? ""
  const isMap = isMissingColumn && metric.endsWith(".condition")
  const condition = metric.startsWith("column_values") && !metric.endsWith(".condition")
  const name = condition && !isMissingColumn ? `${metric}.condition` : metric
  return {
    metrics: name === "" ? [] : isMap ? [name, "column_values.nonnull.condition"] : [name],
    column: columnName(entry.kwargs),
    message: error.message,
  }
}

const judge = (
  entry: SuiteEntry,
  table: Table,
  whole: Domain,
  options: FormatOptions,
): ExpectationResult => {
  const { reading } = entry
  if ("refusal" in reading) {
    const failure = { metrics: [], column: columnName(entry.kwargs), message: reading.refusal }
    return { entry, success: false, result: {}, failure }
  }
  const { check, condition } = reading
  try {
    const domain = condition === undefined ? whole : domainWhere(table, condition)
    const judged =
      check.kind === "aggregate"
        ? judgeAggregate(check, domain, options)
        : judgeMap(check, domain, options)
    return { entry, ...judged, failure: undefined }
  } catch (error) {
    if (!(error instanceof MetricFailed)) throw error
    const name = columnName(entry.kwargs)
    const isMissingColumn = name !== undefined && !table.columns.has(name)
    return { entry, success: false, result: {}, failure: failed(entry, error, isMissingColumn) }
  }
}

/** The tool's order: by column as columns first come up, and what failed to compute before all. */
const grouped = (entries: ReadonlyArray<SuiteEntry>): ReadonlyArray<SuiteEntry> =>
  [...Map.groupBy(entries, ({ kwargs }) => columnName(kwargs) ?? "").values()].flat()

/**
 * Evaluates every expectation of a suite on a table.
 *
 * Expectations that cannot be computed, are unknown or have arguments that do not fit are results
 * without success that carry the reason.
 *
 * @throws RangeError where a column that shall name the rows is not there.
 */
export const evaluateSuite = (
  suite: Suite,
  table: Table,
  { format = "SUMMARY", partialCount = PARTIAL_COUNT, indexColumns = [] }: EvaluateOptions = {},
): SuiteResult => {
  const named = indexColumns.map((name) => {
    const column = table.columns.get(name)
    if (column === undefined) throw new RangeError(`there is no column "${name}" to name rows by`)
    return [name, column] as const
  })
  const { version } = suite
  const options: FormatOptions = { format, partialCount, version, indexColumns: named }
  const whole = wholeTable(table)
  const judged = grouped(suite.entries).map((entry) => judge(entry, table, whole, options))
  const results = [
    ...judged.filter(({ failure }) => failure !== undefined),
    ...judged.filter(({ failure }) => failure === undefined),
  ]
  const successful = results.filter(({ success }) => success).length
  return {
    suite,
    success: successful === results.length,
    rows: table.rows,
    results,
    evaluated: results.length,
    successful,
  }
}
