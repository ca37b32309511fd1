// Expectations about what text can be read as: dates and JSON.
import { Schema } from "effect"
import { define, MetricFailed, valueCheck, type Family } from "./check.ts"
import { parseDate } from "./date-text.ts"
import { jsonSchemaTest, SchemaRefused } from "./json-schema.ts"
import { KwargsRefused, mapColumn, Text } from "./kwargs.ts"
import { parsePythonJson } from "./python-json.ts"
import { PatternRefused } from "./python-regex.ts"
import { FormatRefused, strptimeTest } from "./strftime.ts"
import type { Cell } from "./table.ts"

const textOf = (cell: Cell, metric: string): string => {
  if (typeof cell === "string") return cell
  throw new MetricFailed("Values passed to this expectation must be of type string.", metric)
}

const refused = <A>(build: () => A): A => {
  try {
    return build()
  } catch (error) {
    const isRefusal =
      error instanceof FormatRefused ||
      error instanceof SchemaRefused ||
      error instanceof PatternRefused
    if (isRefusal) throw new KwargsRefused(error.message)
    throw error
  }
}

const STRFTIME = "column_values.match_strftime_format"

const strftime = define({ ...mapColumn, strftime_format: Text }, (kwargs) => {
  const test = refused(() => strptimeTest(kwargs.strftime_format))
  return valueCheck(STRFTIME, kwargs, () => (cell) => test(textOf(cell, STRFTIME)))
})

const DATEUTIL = "column_values.dateutil_parseable"

const dateutil = define(mapColumn, (kwargs) =>
  valueCheck(DATEUTIL, kwargs, () => (cell) => parseDate(textOf(cell, DATEUTIL)) !== undefined),
)

/** A number beyond what is finite, which is how JSON can say infinity. */
const BEYOND = "1e999"

/** As Python's `json.loads`, which also takes NaN and infinities: they stay numbers. */
const parseJson = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: parsePythonJson(text, () => BEYOND) }
  } catch {
    return undefined
  }
}

const jsonParseable = define(mapColumn, (kwargs) =>
  valueCheck(
    "column_values.json_parseable",
    kwargs,
    () => (cell) => typeof cell === "string" && parseJson(cell) !== undefined,
  ),
)

const JSON_SCHEMA = "column_values.match_json_schema"

const jsonSchema = define(
  { ...mapColumn, json_schema: Schema.Record(Schema.String, Schema.Unknown) },
  (kwargs) => {
    const test = refused(() => jsonSchemaTest(kwargs.json_schema))
    return valueCheck(JSON_SCHEMA, kwargs, () => (cell) => {
      const parsed = parseJson(textOf(cell, JSON_SCHEMA))
      // Text that is no JSON at all is an error there, not an unexpected value.
      if (parsed === undefined) throw new MetricFailed("Expecting value: no JSON", JSON_SCHEMA)
      return test(parsed.value)
    })
  },
)

export const formatsFamily: Family = {
  expect_column_values_to_match_strftime_format: strftime,
  expect_column_values_to_be_dateutil_parseable: dateutil,
  expect_column_values_to_be_json_parseable: jsonParseable,
  expect_column_values_to_match_json_schema: jsonSchema,
}
