// A suite as a gate on single requests: the first expectation that a row does not meet, in suite
// order. What is about more than one row is refused when the gate is made, by name.
import { Schema } from "effect"
import type { Feature } from "#proto/signature"
import { MetricFailed, type Check, type RecordCheck, type ValueCheck } from "./check.ts"
import { conditionTest, type Condition } from "./condition.ts"
import { writeToolJson } from "./python-json.ts"
import type { Suite, SuiteEntry } from "./suite.ts"
import type { Cell, ColumnType } from "./table.ts"

/** The suite cannot stand at the door; every expectation that prevents it is named. */
export class GateRefused extends Schema.TaggedError<GateRefused>()("GateRefused", {
  suite: Schema.String,
  reasons: Schema.Array(Schema.String),
}) {
  override get message() {
    return `suite "${this.suite}" cannot be a gate: ${this.reasons.join("; ")}`
  }
}

export interface GateFailure {
  /** Position of the expectation in the suite. */
  readonly index: number
  readonly expectation: string
  readonly columns: ReadonlyArray<string>
  /** Row of the request, from 0. */
  readonly row: number
  readonly values: ReadonlyArray<Cell>
  /** For people: which expectation, which column, which row, which value. */
  readonly message: string
}

/** The cell of a feature (by its position in the signature) in a row; NaN counts as missing. */
export type ReadCell = (feature: number, row: number) => Cell

export interface Gate {
  readonly suite: string
  readonly expectations: number
  /** The first failure of a request of so many rows, or undefined where all is as expected. */
  readonly check: (rows: number, read: ReadCell) => GateFailure | undefined
}

type Features = ReadonlyArray<Pick<Feature, "name" | "type">>

const typeOf = ({ type }: Features[number]): ColumnType => (type === "number" ? "float" : type)

interface Step {
  readonly index: number
  readonly entry: SuiteEntry
  readonly columns: ReadonlyArray<string>
  readonly features: ReadonlyArray<number>
  readonly isExpected: (cells: ReadonlyArray<Cell>) => boolean
  readonly applies: ((row: number, read: ReadCell) => boolean) | undefined
}

class Refusal extends Error {
  override readonly name = "Refusal"
}

const positionOf = (features: Features, name: string): number => {
  const position = features.findIndex((feature) => feature.name === name)
  if (position === -1) throw new Refusal(`the model has no feature "${name}"`)
  return position
}

const rowLevel = (check: Check): ValueCheck | RecordCheck => {
  if (check.kind !== "value" && check.kind !== "record")
    throw new Refusal("it is about many rows, not about one")
  if (check.mostly < 1)
    throw new Refusal(`mostly ${check.mostly} is about many rows, not about one`)
  return check
}

const IGNORED_IF_ANY = new Set(["either_value_is_missing", "any_value_is_missing"])
const IGNORED_NEVER = new Set(["neither", "never"])

const recordTest = (
  { compile, ignoreRowIf }: RecordCheck,
  types: ReadonlyArray<ColumnType>,
): Step["isExpected"] => {
  const test = compile(types)
  if (IGNORED_NEVER.has(ignoreRowIf)) return test
  return IGNORED_IF_ANY.has(ignoreRowIf)
    ? (cells) => cells.includes(null) || test(cells)
    : (cells) => cells.every((cell) => cell === null) || test(cells)
}

const valueTest = (check: ValueCheck, type: ColumnType): Step["isExpected"] => {
  const test = check.compile(type)
  if (check.everyRow) return ([cell = null]) => test(cell)
  return ([cell = null]) => cell === null || test(cell)
}

/** Cells on which a test that cannot be applied to a type fails already when the gate is made. */
const PROBES: Readonly<Record<ColumnType, Cell>> = {
  integer: 0,
  float: 0.5,
  date: 0,
  boolean: true,
  string: "",
  mixed: null,
}
const PARSED = new Set(["column_values.match_json_schema"])

const probe = (check: ValueCheck | RecordCheck, types: ReadonlyArray<ColumnType>): void => {
  if (PARSED.has(check.metric) && types[0] === "string") return
  const cells = types.map((type) => PROBES[type])
  if (check.kind === "record") check.compile(types)(cells)
  else check.compile(types[0] ?? "mixed")(cells[0] ?? null)
}

const present = (cell: Cell): Cell => (cell !== cell ? null : cell)

const whenApplies = (condition: Condition, features: Features): NonNullable<Step["applies"]> => {
  const positions = new Map(features.map(({ name }, i) => [name, i]))
  let row = 0
  let read: ReadCell = () => null
  const cell = (name: string): Cell => present(read(positions.get(name) ?? -1, row))
  const test = conditionTest(condition, (name) => {
    const feature = features[positions.get(name) ?? -1]
    return feature === undefined ? undefined : typeOf(feature)
  })
  return (atRow, reading) => {
    row = atRow
    read = reading
    return test(cell)
  }
}

const stepOf = (entry: SuiteEntry, index: number, features: Features): Step => {
  const { reading } = entry
  if ("refusal" in reading) throw new Refusal(reading.refusal)
  const check = rowLevel(reading.check)
  const columns = check.kind === "record" ? check.columns : [check.column]
  const positions = columns.map((name) => positionOf(features, name))
  const types = positions.map((position) => typeOf(features[position]!))
  probe(check, types)
  return {
    index,
    entry,
    columns,
    features: positions,
    isExpected:
      check.kind === "record" ? recordTest(check, types) : valueTest(check, types[0] ?? "mixed"),
    applies: reading.condition === undefined ? undefined : whenApplies(reading.condition, features),
  }
}

const failureOf = (
  { entry, index, columns }: Step,
  row: number,
  values: ReadonlyArray<Cell>,
): GateFailure => {
  const shown = columns.map((name, i) => `${name} = ${writeToolJson(values[i])}`).join(", ")
  const message = `row ${row} does not meet ${entry.type} (expectation ${index}): ${shown}`
  return { index, expectation: entry.type, columns, row, values, message }
}

/** A value that cannot be judged (text that is no JSON, say) is not as expected. */
const meets = (step: Step, cells: ReadonlyArray<Cell>): boolean => {
  try {
    return step.isExpected(cells)
  } catch (error) {
    if (error instanceof MetricFailed) return false
    throw error
  }
}

const checkStep = (step: Step, rows: number, read: ReadCell): GateFailure | undefined => {
  const cells: Array<Cell> = step.features.map(() => null)
  for (let row = 0; row < rows; row++) {
    if (step.applies !== undefined && !step.applies(row, read)) continue
    for (let i = 0; i < cells.length; i++) cells[i] = present(read(step.features[i]!, row))
    if (!meets(step, cells)) return failureOf(step, row, [...cells])
  }
  return undefined
}

/**
 * Makes a gate of a suite for a model with these features.
 *
 * @throws GateRefused where an expectation is unknown, about more than one row, about a column that
 * is no feature, or cannot be applied to the feature's type.
 */
export const compileGate = (suite: Suite, features: Features): Gate => {
  const reasons: Array<string> = []
  const steps: Array<Step> = []
  for (const [index, entry] of suite.entries.entries()) {
    try {
      steps.push(stepOf(entry, index, features))
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof MetricFailed)) throw error
      reasons.push(`${entry.type} (expectation ${index}): ${error.message}`)
    }
  }
  if (reasons.length > 0) throw new GateRefused({ suite: suite.name, reasons })
  return {
    suite: suite.name,
    expectations: steps.length,
    check: (rows, read) => {
      for (const step of steps) {
        const failure = checkStep(step, rows, read)
        if (failure !== undefined) return failure
      }
      return undefined
    },
  }
}
