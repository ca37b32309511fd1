// What an expectation becomes once its arguments are read: a check of single values, of rows, of
// whole columns, or an aggregate. Families make them; evaluate.ts and gate.ts run them.
import { Schema } from "effect"
import { KwargsRefused, refuseUnknown, type Kwargs } from "./kwargs.ts"
import type { Cell, Column, ColumnType, Domain } from "./table.ts"

/** A metric cannot be computed on these values; it fails its expectation, never the suite. */
export class MetricFailed extends Error {
  override readonly name = "MetricFailed"
  readonly metric: string | undefined

  /** Without a metric the failure is the expectation's own, not that of something computed. */
  constructor(message: string, metric?: string) {
    super(message)
    this.metric = metric
  }
}

export type MissingPair = "both_values_are_missing" | "either_value_is_missing" | "neither"
export type MissingRecord = "all_values_are_missing" | "any_value_is_missing" | "never"

/** Each cell alone, where there is one (or every row, for the expectations about nulls). */
export interface ValueCheck {
  readonly kind: "value"
  readonly metric: string
  readonly column: string
  readonly mostly: number
  readonly everyRow: boolean
  /** The test of a cell: true where it is as expected. May throw MetricFailed. */
  readonly compile: (type: ColumnType) => (cell: Cell) => boolean
}

/** Cells of one column that can be judged only together: duplicates, order, distance from mean. */
export interface ColumnCheck {
  readonly kind: "column"
  readonly metric: string
  readonly column: string
  readonly mostly: number
  /** Which of the given rows are not as expected; rows without a value are not among them. */
  readonly unexpected: (
    column: Column,
    present: Uint32Array,
    all: Uint32Array,
    version: SuiteVersion,
  ) => Uint32Array
}

/** Several cells of one row. */
export interface RecordCheck {
  readonly kind: "record"
  readonly metric: string
  readonly columns: ReadonlyArray<string>
  readonly mostly: number
  /** A pair is shown as a list, more columns as an object. */
  readonly shape: "pair" | "record"
  readonly ignoreRowIf: MissingPair | MissingRecord
  readonly compile: (types: ReadonlyArray<ColumnType>) => (cells: ReadonlyArray<Cell>) => boolean
}

/** Rows that can be judged only together: duplicates of several columns. */
export interface RecordsCheck {
  readonly kind: "records"
  readonly metric: string
  readonly columns: ReadonlyArray<string>
  readonly mostly: number
  readonly ignoreRowIf: MissingRecord
  readonly unexpected: (columns: ReadonlyArray<Column>, rows: Uint32Array) => Uint32Array
}

export interface Observation {
  readonly success: boolean
  readonly result?: Readonly<Record<string, unknown>>
}

/** One number or list over the whole domain. */
export interface AggregateCheck {
  readonly kind: "aggregate"
  readonly metric: string
  /** The column that must exist, unless the expectation is about the table. */
  readonly column: string | undefined
  readonly observe: (domain: Domain, version: SuiteVersion) => Observation | ValueCheck
}

export type MapCheck = ValueCheck | ColumnCheck | RecordCheck | RecordsCheck
export type Check = MapCheck | AggregateCheck

/** Great Expectations 0.x or 1.x: a few results differ in form. */
export type SuiteVersion = 0 | 1

export interface Definition {
  /** @throws KwargsRefused */
  readonly read: (kwargs: Kwargs) => Check
}

export type Family = Readonly<Record<string, Definition>>

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, " ")

/** An expectation: the schema of its arguments, and the check that they describe. */
export const define = <Fields extends Schema.Struct.Fields>(
  fields: Fields,
  check: (kwargs: Schema.Struct<Fields>["Type"]) => Check,
): Definition => {
  const known = Object.keys(fields)
  const schema: Schema.Schema<Schema.Struct<Fields>["Type"]> = Schema.Struct(fields)
  // Boundary: the schemas of kwargs.ts need no service to decode, which the type cannot say.
  const decode = Schema.decodeUnknownSync(schema as Schema.Codec<Schema.Struct<Fields>["Type"]>)
  return {
    read: (kwargs) => {
      refuseUnknown(kwargs, known)
      let decoded: Schema.Struct<Fields>["Type"]
      try {
        decoded = decode(kwargs)
      } catch (error) {
        throw new KwargsRefused(reason(error))
      }
      return check(decoded)
    },
  }
}

/** A check of each present cell of one column. */
export const valueCheck = (
  metric: string,
  { column, mostly }: { readonly column: string; readonly mostly?: number | null },
  compile: ValueCheck["compile"],
): ValueCheck => ({
  kind: "value",
  metric,
  column,
  mostly: mostly ?? 1,
  everyRow: false,
  compile,
})
