// A reference with everything that stays the same from window to window: sorted, counted, sliced.
import type { Feature } from "#core/statistics/feature"
import type { Slice } from "#proto/finding"
import { featureOf, frequentValues, sliceOf } from "./samples.ts"
import type { DriftSettings } from "./settings.ts"
import { categoryOf, type Column, type Table } from "./table.ts"
import { isTruth } from "./truth.ts"

export interface PreparedFeature {
  readonly column: Column
  readonly feature: Feature
}
export interface PreparedSlice {
  /** Absent for all rows. */
  readonly slice: Slice | undefined
  readonly features: ReadonlyArray<PreparedFeature>
}
export interface PreparedReference {
  readonly table: Table
  readonly all: PreparedSlice
  readonly slices: ReadonlyArray<PreparedSlice>
}

/** Slices of a feature whose values are not named. */
const SLICE_VALUES_MAX = 10
/** Tests of one window, over all slices: a finding is one message. */
const SLICED_TESTS_MAX = 2_000

const prepareSlice = (
  table: Table,
  slice: Slice | undefined,
  of: DriftSettings["of"],
): PreparedSlice => {
  const rows = slice === undefined ? undefined : sliceOf(table, slice)
  const columns = table.columns
    .filter(({ name }) => name !== slice?.feature)
    .filter((column) => of === "predictions" || isTruth(column))
  return {
    slice,
    features: columns.map((column) => ({ column, feature: featureOf(table, column, rows) })),
  }
}

/** Prepares a reference for many windows. */
export const prepareReference = (table: Table, settings: DriftSettings): PreparedReference => {
  const slices = settings.slices.flatMap(({ feature, values }) =>
    (values ?? frequentValues(table, feature, SLICE_VALUES_MAX)).map((value) => ({
      feature,
      value: categoryOf(value),
    })),
  )
  const most = Math.floor(SLICED_TESTS_MAX / Math.max(1, table.columns.length))
  return {
    table,
    all: prepareSlice(table, undefined, settings.of),
    slices: slices.slice(0, most).map((slice) => prepareSlice(table, slice, settings.of)),
  }
}
