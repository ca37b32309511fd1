// Suites of Great Expectations as files, of 0.x and of 1.x, read into checks. What is unknown or
// does not fit is kept with its reason, so that whoever runs the suite must name it.
import { Schema } from "effect"
import { definitionOf } from "./catalog.ts"
import type { Check, SuiteVersion } from "./check.ts"
import { readCondition, type Condition } from "./condition.ts"
import { KwargsRefused, type Kwargs } from "./kwargs.ts"

const Anything = Schema.Record(Schema.String, Schema.Unknown)
const optionalObject = Schema.optionalKey(Schema.NullOr(Anything))
const OptionalText = Schema.optionalKey(Schema.NullOr(Schema.String))

const Entry = Schema.Struct({
  type: OptionalText,
  expectation_type: OptionalText,
  kwargs: Anything,
  meta: optionalObject,
  id: OptionalText,
  severity: OptionalText,
})

export const SuiteFile = Schema.Struct({
  name: OptionalText,
  expectation_suite_name: OptionalText,
  expectations: Schema.Array(Entry),
  suite_parameters: optionalObject,
  evaluation_parameters: optionalObject,
  meta: optionalObject,
})

/** Most expectations of one suite: what a person can still read, many times over. */
export const EXPECTATIONS_MOST = 10_000

/** The file is no suite. */
export class SuiteRefused extends Schema.TaggedError<SuiteRefused>()("SuiteRefused", {
  reason: Schema.String,
}) {
  override get message() {
    return `not a suite of expectations: ${this.reason}`
  }
}

export interface SuiteEntry {
  readonly type: string
  readonly kwargs: Kwargs
  readonly meta: Kwargs
  readonly id: string | undefined
  readonly severity: string | undefined
  /** What to run, or why it cannot be. */
  readonly reading:
    | { readonly check: Check; readonly condition: Condition | undefined }
    | { readonly refusal: string }
}

export interface Suite {
  readonly version: SuiteVersion
  readonly name: string
  readonly parameters: Kwargs
  readonly meta: Kwargs
  readonly entries: ReadonlyArray<SuiteEntry>
}

const isObject = (value: unknown): value is Kwargs =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Puts parameters in place of `{"$PARAMETER": "name"}`, at any depth. */
const withParameters = (value: unknown, parameters: Kwargs): unknown => {
  if (Array.isArray(value)) return value.map((one) => withParameters(one, parameters))
  if (!isObject(value)) return value
  const name = value["$PARAMETER"]
  if (typeof name === "string") {
    if (Object.hasOwn(parameters, name)) return parameters[name]
    throw new KwargsRefused(`parameter "${name}" has no value`)
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withParameters(one, parameters)]),
  )
}

const readEntry = (type: string, kwargs: Kwargs, parameters: Kwargs): SuiteEntry["reading"] => {
  const definition = definitionOf(type)
  if (definition === undefined) return { refusal: `${type} not found` }
  try {
    const given = withParameters(kwargs, parameters)
    if (!isObject(given)) return { refusal: "kwargs must be an object" }
    const condition = readCondition(given["row_condition"], given["condition_parser"])
    return { check: definition.read(given), condition }
  } catch (error) {
    if (error instanceof KwargsRefused) return { refusal: error.message }
    throw error
  }
}

const decodeFile = Schema.decodeUnknownSync(SuiteFile)

/**
 * Reads a suite from the JSON of its file; `parameters` go before those in the file.
 *
 * @throws SuiteRefused where it is none.
 */
export const readSuite = (json: unknown, parameters: Kwargs = {}): Suite => {
  let file: typeof SuiteFile.Type
  try {
    file = decodeFile(json)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new SuiteRefused({ reason: text.replace(/\s*\n\s*/g, " ") })
  }
  if (file.expectations.length > EXPECTATIONS_MOST)
    throw new SuiteRefused({ reason: `more than ${EXPECTATIONS_MOST} expectations` })
  const isOld =
    (file.name === undefined && file.expectation_suite_name !== undefined) ||
    file.expectations.some(({ type, expectation_type: old }) => !type && Boolean(old))
  const own = { ...file.evaluation_parameters, ...file.suite_parameters, ...parameters }
  const entries = file.expectations.map((entry, i): SuiteEntry => {
    const type = entry.type ?? entry.expectation_type
    if (!type) throw new SuiteRefused({ reason: `expectation ${i} has no type` })
    return {
      type,
      kwargs: entry.kwargs,
      meta: entry.meta ?? {},
      id: entry.id ?? undefined,
      severity: entry.severity ?? undefined,
      reading: readEntry(type, entry.kwargs, own),
    }
  })
  return {
    version: isOld ? 0 : 1,
    name: file.name ?? file.expectation_suite_name ?? "",
    parameters: own,
    meta: file.meta ?? {},
    entries,
  }
}
