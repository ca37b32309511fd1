// Which rows an expectation looks at: conditions on a row, from the object form of 1.x or from the
// text of a pandas query, as one tree and its test. Missing values compare as pandas compares them.
import { Schema } from "effect"
import { MetricFailed } from "./check.ts"
import { readQuery } from "./condition-text.ts"
import { parseDate } from "./date-text.ts"
import { KwargsRefused, Scalar } from "./kwargs.ts"
import { hashed } from "./membership.ts"
import { cellAt, type Cell, type ColumnType, type Domain, type Table } from "./table.ts"

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">="

export type Operand =
  | { readonly kind: "column"; readonly name: string }
  | { readonly kind: "literal"; readonly value: Cell }
  | {
      readonly kind: "arithmetic"
      readonly operator: "+" | "-" | "*" | "/" | "%"
      readonly left: Operand
      readonly right: Operand
    }

export type Condition =
  | { readonly kind: "all" | "any"; readonly of: ReadonlyArray<Condition> }
  | { readonly kind: "not"; readonly of: Condition }
  | {
      readonly kind: "compare"
      readonly operator: Comparison
      readonly left: Operand
      readonly right: Operand
    }
  | { readonly kind: "in"; readonly of: Operand; readonly values: ReadonlyArray<Cell> }
  | { readonly kind: "null"; readonly of: Operand }
  | { readonly kind: "truth"; readonly of: Operand }

const ColumnRef = Schema.Struct({ name: Schema.String })
const Nullity = Schema.Struct({
  type: Schema.Literal("nullity"),
  column: ColumnRef,
  is_null: Schema.Boolean,
})
const Comparing = Schema.Struct({
  type: Schema.Literal("comparison"),
  column: ColumnRef,
  operator: Schema.Literals(["==", "!=", "<", "<=", ">", ">="]),
  parameter: Scalar,
})
const membership = <const Operator extends string>(operator: Operator) =>
  Schema.Struct({
    type: Schema.Literal("comparison"),
    column: ColumnRef,
    operator: Schema.Literal(operator),
    parameter: Schema.Array(Scalar),
  })
const PassThrough = Schema.Struct({
  type: Schema.Literal("pass_through"),
  pass_through_filter: Schema.String,
})
const Group = Schema.Struct({
  type: Schema.Literals(["and", "or"]),
  conditions: Schema.Array(Schema.Unknown),
})
const decodeStructured = Schema.decodeUnknownSync(
  Schema.Union([Nullity, Comparing, membership("IN"), membership("NOT_IN"), PassThrough, Group]),
)

const compareWith = (left: Operand, { operator, parameter }: typeof Comparing.Type): Condition => ({
  kind: "compare",
  operator,
  left,
  right: { kind: "literal", value: parameter },
})

const structured = (given: unknown): Condition => {
  let one: ReturnType<typeof decodeStructured>
  try {
    one = decodeStructured(given)
  } catch {
    throw new KwargsRefused(`row_condition ${JSON.stringify(given)} is none that is known`)
  }
  if (one.type === "pass_through") return readQuery(one.pass_through_filter)
  if ("conditions" in one)
    return { kind: one.type === "and" ? "all" : "any", of: one.conditions.map(structured) }
  const column: Operand = { kind: "column", name: one.column.name }
  if (one.type === "nullity") {
    const isNull: Condition = { kind: "null", of: column }
    return one.is_null ? isNull : { kind: "not", of: isNull }
  }
  if (one.operator === "IN" || one.operator === "NOT_IN") {
    const isIn: Condition = { kind: "in", of: column, values: one.parameter }
    return one.operator === "IN" ? isIn : { kind: "not", of: isIn }
  }
  return compareWith(column, one)
}

const PARSERS = new Set(["pandas", "python", "great_expectations"])

/**
 * The condition of an expectation, if it has one.
 *
 * @throws KwargsRefused for text without a parser, and for what cannot be read.
 */
export const readCondition = (row: unknown, parser: unknown): Condition | undefined => {
  if (row === undefined || row === null || row === "") return undefined
  if (typeof row !== "string") return structured(row)
  if (typeof parser !== "string" || parser === "")
    throw new KwargsRefused("condition_parser for Pandas is required when setting a row_condition")
  if (!PARSERS.has(parser) && !parser.startsWith("great_expectations"))
    throw new KwargsRefused(`condition_parser "${parser}" is not supported`)
  return readQuery(row)
}

type Read = (column: string) => Cell
type TypeOf = (column: string) => ColumnType | undefined
type Value = (read: Read) => Cell

const arithmetic = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  "/": (a: number, b: number) => a / b,
  "%": (a: number, b: number) => a - b * Math.floor(a / b),
} as const

const typeOfOperand = (operand: Operand, typeOf: TypeOf): ColumnType | undefined => {
  if (operand.kind !== "column") return undefined
  const type = typeOf(operand.name)
  if (type === undefined) throw new MetricFailed(`name '${operand.name}' is not defined`)
  return type
}

const valueOf = (operand: Operand, typeOf: TypeOf, other?: ColumnType): Value => {
  switch (operand.kind) {
    case "literal": {
      const { value } = operand
      const own = other === "date" && typeof value === "string" ? parseDate(value) : undefined
      return () => own ?? value
    }
    case "column": {
      typeOfOperand(operand, typeOf)
      const { name } = operand
      return (read) => read(name)
    }
    case "arithmetic": {
      const [left, right] = [valueOf(operand.left, typeOf), valueOf(operand.right, typeOf)]
      const compute = arithmetic[operand.operator]
      return (read) => {
        const [a, b] = [left(read), right(read)]
        if (typeof a === "string" && typeof b === "string" && operand.operator === "+") return a + b
        if (typeof a === "string" || typeof b === "string")
          throw new MetricFailed("text and numbers do not add up in a row_condition")
        return a === null || b === null ? null : compute(Number(a), Number(b))
      }
    }
  }
}

const compare = (operator: Comparison, left: Cell, right: Cell): boolean => {
  const [a, b] = [hashed(left), hashed(right)]
  const isEqual = a !== null && a === b
  if (operator === "==") return isEqual
  if (operator === "!=") return !isEqual
  if (a === null || b === null) return false
  if (typeof a !== typeof b)
    throw new MetricFailed("row_condition compares text with a number by its order")
  if (operator === "<") return a < b
  if (operator === "<=") return a <= b
  return operator === ">" ? a > b : a >= b
}

/**
 * The test of a row, given by how its cells are read.
 *
 * @throws MetricFailed where a column is none of the table's.
 */
export const conditionTest = (condition: Condition, typeOf: TypeOf): ((read: Read) => boolean) => {
  switch (condition.kind) {
    case "all":
    case "any": {
      const tests = condition.of.map((one) => conditionTest(one, typeOf))
      return condition.kind === "all"
        ? (read) => tests.every((test) => test(read))
        : (read) => tests.some((test) => test(read))
    }
    case "not": {
      const test = conditionTest(condition.of, typeOf)
      return (read) => !test(read)
    }
    case "compare": {
      const { operator, left, right } = condition
      const a = valueOf(left, typeOf, typeOfOperand(right, typeOf))
      const b = valueOf(right, typeOf, typeOfOperand(left, typeOf))
      return (read) => compare(operator, a(read), b(read))
    }
    case "in": {
      const value = valueOf(condition.of, typeOf)
      const isDate = typeOfOperand(condition.of, typeOf) === "date"
      const read = (one: Cell): Cell =>
        isDate && typeof one === "string" ? (parseDate(one) ?? one) : hashed(one)
      const values = new Set(condition.values.map(read))
      return (row) => values.has(hashed(value(row)))
    }
    case "null": {
      const value = valueOf(condition.of, typeOf)
      return (read) => value(read) === null
    }
    case "truth": {
      const value = valueOf(condition.of, typeOf)
      return (read) => Boolean(value(read))
    }
  }
}

/** The rows of a table for which the condition holds. */
export const domainWhere = (table: Table, condition: Condition): Domain => {
  const test = conditionTest(condition, (name) => table.columns.get(name)?.type)
  const rows = new Uint32Array(table.rows)
  let count = 0
  let row = 0
  const read: Read = (name) => cellAt(table.columns.get(name)!, row)
  for (; row < table.rows; row++) if (test(read)) rows[count++] = row
  return { table, rows: rows.slice(0, count) }
}
