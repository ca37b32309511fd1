// How much of a map expectation's outcome is told: the counts, percentages and lists of the tool's
// four result formats. It judges nothing.
import type { MapCheck, SuiteVersion } from "./check.ts"
import { hashed } from "./membership.ts"
import { writeToolJson } from "./python-json.ts"
import { cellAt, shown, type Cell, type Column } from "./table.ts"

export type ResultFormat = "BOOLEAN_ONLY" | "BASIC" | "SUMMARY" | "COMPLETE"
export const RESULT_FORMATS: ReadonlyArray<ResultFormat> = [
  "BOOLEAN_ONLY",
  "BASIC",
  "SUMMARY",
  "COMPLETE",
]

/** How many unexpected values the partial lists show, if no one says otherwise. */
export const PARTIAL_COUNT = 20
/** 1.x lists no more unexpected values even where all are asked for. */
const RECORDS_MOST = 200

export interface FormatOptions {
  readonly format: ResultFormat
  readonly partialCount: number
  readonly version: SuiteVersion
  /** Columns that name a row in the index lists, in place of its number. */
  readonly indexColumns: ReadonlyArray<readonly [name: string, column: Column]>
}

export interface MapOutcome {
  /** Rows of the domain, before any are left out for what they miss. */
  readonly elements: number
  readonly considered: number
  readonly unexpected: Uint32Array
}

type Shown = Cell | ReadonlyArray<Cell> | Readonly<Record<string, Cell>>

interface Listed {
  readonly value: Shown
  /** What it is counted and sorted by. */
  readonly cells: ReadonlyArray<Cell>
  /** Where a missing cell is NaN, which equals nothing, not even itself. */
  readonly hasNaN: ReadonlyArray<boolean>
}

const listed = (
  check: MapCheck,
  names: ReadonlyArray<string>,
  columns: ReadonlyArray<Column>,
  row: number,
): Listed => {
  const cells = columns.map((column) => shown(cellAt(column, row), column.type))
  const hasNaN = columns.map(({ values }) => values instanceof Float64Array)
  if (check.kind === "value" || check.kind === "column")
    return { value: cells[0] ?? null, cells, hasNaN }
  if (check.kind === "record" && check.shape === "pair") return { value: cells, cells, hasNaN }
  const value = Object.fromEntries(names.map((name, i) => [name, cells[i] ?? null]))
  return { value, cells, hasNaN }
}

/**
 * Negative, zero or positive; undefined where Python cannot order the two. A missing number (NaN)
 * is neither less nor more than anything.
 */
const order = (a: Listed, b: Listed): number | undefined => {
  for (const [i, given] of a.cells.entries()) {
    const [left, right] = [hashed(given), hashed(b.cells[i] ?? null)]
    if ((left === null && a.hasNaN[i]) || (right === null && b.hasNaN[i])) return 0
    if (left === right) continue
    if (left === null || right === null || typeof left !== typeof right) return undefined
    return left < right ? -1 : 1
  }
  return 0
}

interface Count extends Listed {
  count: number
}

/** What is counted as one: a value with a missing number in it is one of its own. */
const keyOf = ({ cells, hasNaN }: Listed, i: number): string =>
  cells.some((cell, at) => cell === null && hasNaN[at] === true)
    ? `alone ${i}`
    : writeToolJson(cells.map(hashed))

const isPlain = (value: Shown): boolean =>
  Array.isArray(value) || typeof value !== "object" || value === null

/** The values by how often they come; undefined where the tool cannot order them. */
const countsOf = (values: ReadonlyArray<Listed>, most: number) => {
  const counts = new Map<string, Count>()
  for (const [i, one] of values.entries()) {
    const key = keyOf(one, i)
    const known = counts.get(key)
    if (known === undefined)
      counts.set(key, { ...one, value: isPlain(one.value) ? one.value : one.cells, count: 1 })
    else known.count += 1
  }
  const common = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, most)
  let isOrderable = true
  const sorted = common.toSorted((a, b) => {
    if (a.count !== b.count) return b.count - a.count
    const by = order(a, b)
    if (by === undefined) isOrderable = false
    return by ?? 0
  })
  return isOrderable ? sorted.map(({ value, count }) => ({ value, count })) : undefined
}

/** A row by the values of the columns that name it. */
const namedRow = (
  columns: ReadonlyArray<readonly [name: string, column: Column]>,
  row: number,
): Readonly<Record<string, Cell>> =>
  Object.fromEntries(
    columns.map(([name, column]) => [name, shown(cellAt(column, row), column.type)]),
  )

const percent = (part: number, whole: number): number | null =>
  whole > 0 ? (part / whole) * 100 : null

/** The `result` of a map expectation, with the names that the tool gives to its parts. */
export const formatMap = (
  check: MapCheck,
  names: ReadonlyArray<string>,
  columns: ReadonlyArray<Column>,
  outcome: MapOutcome,
  { format, partialCount, version, indexColumns }: FormatOptions,
): Readonly<Record<string, unknown>> => {
  if (format === "BOOLEAN_ONLY") return {}
  const { elements, considered, unexpected } = outcome
  const count = unexpected.length
  const isComplete = format === "COMPLETE"
  const most = version === 1 ? RECORDS_MOST : unexpected.length
  const shownRows = unexpected.subarray(0, isComplete ? most : partialCount)
  const values = Array.from(shownRows, (row) => listed(check, names, columns, row))
  const list = values.map(({ value }) => value)
  const isEveryRow = check.kind === "value" && check.everyRow
  const ofPresent = isEveryRow ? percent(count, elements) : percent(count, considered)
  const missing = isEveryRow
    ? {}
    : {
        missing_count: elements - considered,
        missing_percent: percent(elements - considered, elements),
        unexpected_percent_total: percent(count, elements),
        unexpected_percent_nonmissing: ofPresent,
      }
  const basic = {
    element_count: elements,
    unexpected_count: count,
    unexpected_percent: ofPresent,
    partial_unexpected_list: list.slice(0, partialCount),
    ...(indexColumns.length === 0
      ? {}
      : { unexpected_index_column_names: indexColumns.map(([name]) => name) }),
    ...missing,
  }
  if (format === "BASIC") return basic
  const counts = partialCount > 0 ? countsOf(values, partialCount) : undefined
  const own = names.map((name, i) => [name, columns[i]!] as const)
  const index = (row: number): unknown =>
    indexColumns.length === 0 ? row : namedRow([...indexColumns, ...own], row)
  const indices = Array.from(isComplete ? unexpected : unexpected.subarray(0, partialCount), index)
  const summary = {
    ...basic,
    ...(counts === undefined ? {} : { partial_unexpected_counts: counts }),
    ...(partialCount > 0 ? { partial_unexpected_index_list: indices.slice(0, partialCount) } : {}),
  }
  if (!isComplete) return summary
  return {
    ...summary,
    unexpected_list: list,
    unexpected_index_list: indices,
    unexpected_index_query: `df.filter(items=[${unexpected.join(", ")}], axis=0)`,
  }
}
