// Great Expectations' own test definitions: those that `./weir test --with-tools` got, or those in
// the folder `tests/test_definitions` of a copy of its repository that WEIR_GX_DEFINITIONS names.
// None of them is kept here.
import { expect, test } from "bun:test"
import { Glob } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import { findToolFolder } from "../../test/support/tools.ts"
import { definitionOf } from "./catalog.ts"
import { evaluateSuite } from "./evaluate.ts"
import { gxJson } from "./gx-json.ts"
import { parseToolFile } from "./python-json.ts"
import { readSuite } from "./suite.ts"
import { columnOf, tableOf, type Cell, type ColumnType, type Table } from "./table.ts"
import { parseDate } from "./date-text.ts"

const Fields = Schema.Record(Schema.String, Schema.Unknown)
const Names = Schema.optionalKey(Schema.Array(Schema.String))
const Definitions = Schema.Struct({
  expectation_type: Schema.String,
  datasets: Schema.Array(
    Schema.Struct({
      data: Schema.Unknown,
      schemas: Schema.optionalKey(Fields),
      only_for: Names,
      suppress_test_for: Names,
      tests: Schema.Array(
        Schema.Struct({
          title: Schema.String,
          in: Schema.Unknown,
          out: Fields,
          error: Schema.optionalKey(Schema.Unknown),
          tolerance: Schema.optionalKey(Schema.Finite),
          only_for: Names,
          suppress_test_for: Names,
        }),
      ),
    }),
  ),
})
type Dataset = (typeof Definitions.Type)["datasets"][number]
type Definition = Dataset["tests"][number]

const isForPandas = (one: Pick<Definition, "only_for" | "suppress_test_for">): boolean =>
  (one.only_for === undefined || one.only_for.includes("pandas")) &&
  one.suppress_test_for?.includes("pandas") !== true

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isCell = (value: unknown): value is Cell =>
  value === null || ["string", "number", "boolean"].includes(typeof value)

const typeOf = (cells: ReadonlyArray<Cell>, dtype: unknown): ColumnType => {
  if (typeof dtype === "string" && /^(datetime|timestamp|date)/.test(dtype)) return "date"
  const kinds = new Set(cells.filter((cell) => cell !== null).map((cell) => typeof cell))
  if (kinds.size > 1) return "mixed"
  const [kind] = kinds
  if (kind === "string") return "string"
  if (kind === "boolean") return "boolean"
  return kind === "number" && cells.every((cell) => cell === null || Number.isInteger(cell))
    ? "integer"
    : "float"
}

/** The table of a dataset, or undefined where it holds what a table of ours cannot. */
const tableFrom = ({ data, schemas }: Dataset): Table | undefined => {
  if (!isObject(data)) return undefined
  const given = schemas?.["pandas"]
  const dtypes = isObject(given) ? given : {}
  const columns = Object.entries(data)
  if (!columns.every(([, cells]) => Array.isArray(cells) && cells.every(isCell))) return undefined
  return tableOf(
    new Map(
      columns.map(([name, values]) => {
        const cells = Array.isArray(values) ? values.filter(isCell) : []
        const type = typeOf(cells, dtypes[name])
        const read = (cell: Cell): Cell =>
          type === "date" && typeof cell === "string" ? (parseDate(cell) ?? cell) : cell
        return [name, columnOf(type, cells.map(read))]
      }),
    ),
  )
}

const TOLERANCE = 1e-9

const isSame = (got: unknown, expected: unknown, tolerance: number): boolean => {
  if (typeof got === "number" && typeof expected === "number")
    return Math.abs(got - expected) <= Math.max(tolerance, TOLERANCE * Math.abs(expected))
  if (Array.isArray(got) && Array.isArray(expected))
    return (
      got.length === expected.length && got.every((one, i) => isSame(one, expected[i], tolerance))
    )
  if (isObject(got) && isObject(expected))
    return Object.entries(expected).every(([key, one]) => isSame(got[key], one, tolerance))
  return Object.is(got, expected)
}

const part = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value)

/** Where each word of an expected outcome stands in a result. */
const PLACES: Readonly<Record<string, ReadonlyArray<string>>> = {
  success: ["success"],
  observed_value: ["result", "observed_value"],
  unexpected_list: ["result", "unexpected_list"],
  unexpected_index_list: ["result", "unexpected_index_list"],
  result: ["result"],
  details: ["result", "details"],
  value_counts: ["result", "details", "value_counts"],
  observed_partition: ["result", "details", "observed_partition"],
  expected_partition: ["result", "details", "expected_partition"],
}

interface Tally {
  applicable: number
  passed: number
  readonly unsupported: Map<string, number>
  readonly failed: Array<string>
}

/** The column by which the definitions name rows, where they do. */
const ROW_NAME = "pk_index"
const namesRows = (out: unknown): boolean => (JSON.stringify(out) ?? "").includes(`"${ROW_NAME}"`)

const withRowNames = (table: Table): Table => {
  const names = Array.from({ length: table.rows }, (_, row) => row)
  return tableOf(new Map([...table.columns, [ROW_NAME, columnOf("integer", names)]]))
}

/** What differs where the case is read as one of 0.x or of 1.x. */
const runAs = (
  key: "type" | "expectation_type",
  type: string,
  table: Table,
  { in: kwargs, out, error, tolerance }: Definition,
) => {
  const suite = readSuite({ expectations: [{ [key]: type, kwargs }] })
  const indexColumns = namesRows(out) ? [ROW_NAME] : []
  const named = namesRows(out) ? withRowNames(table) : table
  const outcome = gxJson(evaluateSuite(suite, named, { format: "COMPLETE", indexColumns }))
  const got: unknown = JSON.parse(JSON.stringify(outcome.results[0]))
  const isRaised = JSON.stringify(part(got, "exception_info")).includes('"raised_exception":true')
  const mustRaise = error !== undefined || out["traceback_substring"] !== undefined
  if (isRaised || mustRaise) return isRaised === mustRaise ? [] : [JSON.stringify(got)]
  return Object.entries(out).flatMap(([word, expected]) => {
    const place = PLACES[word]
    if (place === undefined) return []
    const own = part(got, ...place)
    return isSame(own, expected, tolerance ?? 0)
      ? []
      : [`${word} ${JSON.stringify(own)}, expected ${JSON.stringify(expected)}`]
  })
}

/** The definitions are of several versions of the tool; either form of a result counts. */
const run = (type: string, table: Table, definition: Definition) => {
  const differences = runAs("type", type, table, definition)
  return differences.length === 0 ? differences : runAs("expectation_type", type, table, definition)
}

const addDataset = (type: string, dataset: Dataset, tally: Tally): void => {
  const table = tableFrom(dataset)
  for (const one of dataset.tests) {
    if (!isForPandas(dataset) || !isForPandas(one)) continue
    tally.applicable += 1
    const why = definitionOf(type) === undefined ? type : "cells that are lists or objects"
    if (definitionOf(type) === undefined || table === undefined || !isObject(one.in)) {
      tally.unsupported.set(why, (tally.unsupported.get(why) ?? 0) + 1)
      continue
    }
    const differences = run(type, table, one)
    if (differences.length === 0) tally.passed += 1
    else tally.failed.push(`${type}: ${one.title}: ${differences.join("; ").slice(0, 400)}`)
  }
}

const pinned = findToolFolder("gx_definitions")
const folder =
  Bun.env["WEIR_GX_DEFINITIONS"] ?? (pinned && join(pinned, "tests", "test_definitions"))
const SHARE_LEAST = 0.8

test.skipIf(folder === undefined)(
  "most of the tool's own definitions for pandas pass, and what does not is listed",
  async () => {
    const tally: Tally = { applicable: 0, passed: 0, unsupported: new Map(), failed: [] }
    for await (const path of new Glob("**/*.json").scan(folder ?? ".")) {
      const text = readFileSync(join(folder ?? ".", path), "utf8")
      const json = parseToolFile(text)
      const { expectation_type: type, datasets } = Schema.decodeUnknownSync(Definitions)(json)
      for (const dataset of datasets) addDataset(type, dataset, tally)
    }
    const { applicable, passed, unsupported, failed } = tally
    console.log(`conformance: ${passed} of ${applicable} applicable definitions passed`)
    for (const [why, count] of unsupported) console.log(`unsupported: ${why} (${count})`)
    for (const one of failed) console.log(`not as there: ${one}`)
    expect(passed / applicable).toBeGreaterThan(SHARE_LEAST)
  },
)
