// Columns of a table as samples for the tests: all rows, or those of a slice.
import { categoricalFeature, numericFeature, type Feature } from "#core/statistics/feature"
import { StatisticUndefined } from "#core/statistics/undefined"
import type { Slice } from "#proto/finding"
import { NO_CODE, type Column, type ColumnName, type Table } from "./table.ts"

const find = (table: Table, { name }: Pick<ColumnName, "name">): Column | undefined =>
  table.columns.find((column) => column.name === name)

const numbersOf = (column: Column): Float64Array =>
  column.kind === "numeric"
    ? column.values
    : Float64Array.from(column.codes, (code) => Number(column.texts[code] ?? NaN))

function* textsOf(column: Column): Generator<string | null> {
  if (column.kind === "categorical")
    for (const code of column.codes) yield column.texts[code] ?? null
  else for (const value of column.values) yield Number.isNaN(value) ? null : String(value)
}

const countCodes = (codes: Int32Array, texts: ReadonlyArray<string>): Feature => {
  const counts = new Int32Array(texts.length)
  for (const code of codes) if (code !== NO_CODE) counts[code]! += 1
  const present = new Map<string, number>()
  texts.forEach((text, code) => {
    if (counts[code]! > 0) present.set(text, counts[code]!)
  })
  return { kind: "categorical", counts: present, rows: codes.length }
}

const pick = (column: Column, rows: Uint32Array | undefined): Column => {
  if (rows === undefined) return column
  return column.kind === "numeric"
    ? { ...column, values: Float64Array.from(rows, (row) => column.values[row] ?? NaN) }
    : { ...column, codes: Int32Array.from(rows, (row) => column.codes[row] ?? NO_CODE) }
}

/**
 * The sample of a column, as the kind that the reference has it in. A column that the table lacks
 * has no values there.
 */
export const featureOf = (
  table: Table,
  wanted: ColumnName,
  rows: Uint32Array | undefined,
): Feature => {
  const found = find(table, wanted)
  const length = rows?.length ?? table.rows
  if (found === undefined)
    return wanted.kind === "numeric"
      ? { kind: "numeric", sorted: new Float64Array(0), rows: length }
      : { kind: "categorical", counts: new Map(), rows: length }
  const column = pick(found, rows)
  if (wanted.kind === "numeric") return numericFeature(numbersOf(column))
  return column.kind === "categorical"
    ? countCodes(column.codes, column.texts)
    : categoricalFeature(textsOf(column))
}

/** Places of the rows that belong to a slice. */
export const sliceOf = (table: Table, { feature, value }: Slice): Uint32Array => {
  const column = find(table, { name: feature })
  const rows: Array<number> = []
  if (column?.kind === "categorical") {
    const code = column.texts.indexOf(value)
    if (code >= 0) column.codes.forEach((one, row) => one === code && rows.push(row))
  } else if (column !== undefined) {
    const number = Number(value)
    column.values.forEach((one, row) => one === number && rows.push(row))
  }
  return Uint32Array.from(rows)
}

/** The values of a feature by how often they came, the most frequent first. */
export const frequentValues = (
  table: Table,
  feature: string,
  most: number,
): ReadonlyArray<string> => {
  const column = find(table, { name: feature })
  if (column === undefined) return []
  const counts = new Map<string, number>()
  for (const text of textsOf(column))
    if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts]
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([value]) => value)
}

const FLAGS: Readonly<Record<string, number>> = { "0": 0, "1": 1, false: 0, true: 1 }

/** A column of zeros and ones, however it is written; NaN where it has no value. */
export const errorsOf = (table: Table, name: string): Float64Array => {
  const column = find(table, { name })
  if (column === undefined) return new Float64Array(0)
  return Float64Array.from(textsOf(column), (text) => {
    if (text === null) return NaN
    const flag = FLAGS[text]
    if (flag === undefined)
      throw new StatisticUndefined({
        statistic: "error rate",
        reason: `${name} has "${text}", which is neither 0 nor 1`,
      })
    return flag
  })
}

/** The numeric columns of these names as arrays, row by row in step. */
export const numericColumns = (
  table: Table,
  names: ReadonlyArray<string>,
): ReadonlyArray<Float64Array> =>
  names.map((name) => {
    const column = find(table, { name })
    return column === undefined ? new Float64Array(table.rows).fill(NaN) : numbersOf(column)
  })
