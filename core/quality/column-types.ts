// Expectations about types, by the names that pandas and NumPy have for them. Columns of text and
// mixed columns are judged value by value, as Python objects are.
import { Schema } from "effect"
import {
  define,
  MetricFailed,
  type AggregateCheck,
  type Family,
  type Observation,
  type ValueCheck,
} from "./check.ts"
import { mapColumn, Text, TextList } from "./kwargs.ts"
import type { Cell, Column } from "./table.ts"

/** Names that `numpy.dtype` reads as the type of a column. */
const SAME_TYPE = {
  integer: ["int64", "int", "int_", "intp", "long", "l", "i8"],
  float: ["float64", "float", "double", "d", "f8"],
  boolean: ["bool", "bool_", "?", "b1"],
  date: ["datetime64", "datetime64[ns]", "M8", "M8[ns]"],
  object: ["object", "object_", "O"],
} as const

/** Python's own types, which only a list compares a column with, in any case of letters. */
const NATIVE_TYPE = {
  integer: ["int", "long"],
  float: ["float"],
  boolean: ["bool"],
  date: [],
  object: [],
} as const

type Kind = keyof typeof SAME_TYPE

/** Further names that mean something to NumPy, pandas or Python, and fit no cell of ours. */
const OTHER_NAMES = new Set(
  (
    "int8 int16 int32 uint8 uint16 uint32 uint64 uint float16 float32 longdouble complex64 " +
    "complex128 complex str_ bytes bytes_ void timedelta64 list dict none Timestamp Timedelta " +
    "Series DataFrame Categorical CategoricalDtype DatetimeTZDtype IntervalDtype PeriodDtype " +
    "Int64Dtype Int32Dtype Float64Dtype BooleanDtype StringDtype NaT NA datetime"
  ).split(" "),
)
const TEXT_NAMES = new Set(["str", "string_types"])

const kindOf = (column: Column): Kind => {
  const hasMissing = column.missing.includes(1)
  if (column.type === "string" || column.type === "mixed") return "object"
  return column.type === "boolean" && hasMissing ? "object" : column.type
}

const observedName = (kind: Kind, version: 0 | 1): string =>
  ({
    integer: "int64",
    float: "float64",
    boolean: version === 0 ? "bool_" : "bool",
    date: "datetime64",
    object: "object_",
  })[kind]

/** Whether a Python object is an instance of the named type; undefined for an unknown name. */
const instanceTest = (name: string): ((cell: Cell) => boolean) | undefined => {
  const lower = name.toLowerCase()
  if (TEXT_NAMES.has(lower)) return (cell) => typeof cell === "string"
  if (lower === "int" || lower === "long")
    return (cell) => Number.isInteger(cell) || typeof cell === "boolean"
  if (lower === "float") return (cell) => typeof cell === "number" && !Number.isInteger(cell)
  if (lower === "bool") return (cell) => typeof cell === "boolean"
  const names: ReadonlyArray<string> = Object.values(SAME_TYPE).flat()
  return names.includes(name) || OTHER_NAMES.has(name) || OTHER_NAMES.has(lower)
    ? () => false
    : undefined
}

interface Typed {
  readonly metric: string
  readonly column: string
  readonly mostly: number
  readonly names: ReadonlyArray<string> | undefined
  readonly isList: boolean
}

const byValue = ({ metric, column, mostly, names = [] }: Typed): ValueCheck => ({
  kind: "value",
  metric,
  column,
  mostly,
  everyRow: false,
  compile: () => {
    const tests = names.map(instanceTest).filter((test) => test !== undefined)
    if (tests.length === 0)
      throw new MetricFailed(`Unrecognized numpy/python type: ${names.join(", ")}`, metric)
    return (cell) => tests.some((test) => test(cell))
  },
})

const matches = (kind: Kind, name: string, isList: boolean): boolean => {
  const same: ReadonlyArray<string> = SAME_TYPE[kind]
  const native: ReadonlyArray<string> = NATIVE_TYPE[kind]
  return same.includes(name) || (isList && native.includes(name.toLowerCase()))
}

const typeCheck = (typed: Typed): AggregateCheck => {
  const { column: name, names, isList } = typed
  return {
    kind: "aggregate",
    metric: "table.column_types",
    column: name,
    observe: ({ table }, version): Observation | ValueCheck => {
      const column = table.columns.get(name)
      if (column === undefined) throw new MetricFailed("list index out of range")
      const kind = kindOf(column)
      const objects: ReadonlyArray<string> = SAME_TYPE.object
      const isPlainObject =
        names === undefined || (!isList && names.some((one) => objects.includes(one)))
      if (kind === "object" && !isPlainObject) return byValue(typed)
      return {
        success: names === undefined || names.some((one) => matches(kind, one, isList)),
        result: { observed_value: observedName(kind, version) },
      }
    },
  }
}

const ofType = define({ ...mapColumn, type_: Text }, ({ column, mostly, type_ }) =>
  typeCheck({
    metric: "column_values.of_type",
    column,
    mostly: mostly ?? 1,
    names: [type_],
    isList: false,
  }),
)

const inTypeList = define({ ...mapColumn, type_list: Schema.NullOr(TextList) }, (kwargs) =>
  typeCheck({
    metric: "column_values.in_type_list",
    column: kwargs.column,
    mostly: kwargs.mostly ?? 1,
    names: kwargs.type_list ?? undefined,
    isList: true,
  }),
)

export const columnTypesFamily: Family = {
  expect_column_values_to_be_of_type: ofType,
  expect_column_values_to_be_in_type_list: inTypeList,
}
