// A feature's sample as the tests want it: numbers sorted once, categories counted once, nulls
// counted apart. Prepare a reference once and use it for every window.
import type { Category } from "./histogram.ts"
import type { NullRate } from "./missing.ts"

export interface NumericFeature {
  readonly kind: "numeric"
  /** Ascending, without nulls. */
  readonly sorted: Float64Array
  /** Rows with nulls. */
  readonly rows: number
}
export interface CategoricalFeature {
  readonly kind: "categorical"
  /** How often each category came, nulls left out. */
  readonly counts: ReadonlyMap<Category, number>
  /** Rows with nulls. */
  readonly rows: number
}
export type Feature = NumericFeature | CategoricalFeature

/** A numeric feature whose nulls are NaN. */
export const numericFeature = (values: Float64Array): NumericFeature => {
  // Sorting moves NaN to the end, so the values that remain are a prefix.
  const sorted = values.toSorted()
  let present = sorted.length
  while (present > 0 && Number.isNaN(sorted[present - 1]!)) present--
  return { kind: "numeric", sorted: sorted.subarray(0, present), rows: values.length }
}

/** A categorical feature whose nulls are null. */
export const categoricalFeature = (values: Iterable<Category | null>): CategoricalFeature => {
  const counts = new Map<Category, number>()
  let rows = 0
  for (const value of values) {
    rows++
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return { kind: "categorical", counts, rows }
}

/** Rows that have a value. */
export const present = (feature: Feature): number => {
  if (feature.kind === "numeric") return feature.sorted.length
  let rows = 0
  for (const count of feature.counts.values()) rows += count
  return rows
}

/** How many rows have no value. */
export const featureNulls = (feature: Feature): NullRate => {
  const nulls = feature.rows - present(feature)
  return { nulls, rows: feature.rows, rate: nulls / feature.rows }
}

/** A numeric feature with one category per distinct number; a categorical one as it is. */
export const asCategories = (feature: Feature): CategoricalFeature => {
  if (feature.kind === "categorical") return feature
  const counts = new Map<Category, number>()
  const { sorted } = feature
  for (let i = 0; i < sorted.length;) {
    const value = sorted[i]!
    const start = i
    while (i < sorted.length && sorted[i] === value) i++
    counts.set(value, i - start)
  }
  return { kind: "categorical", counts, rows: feature.rows }
}

/** The number of distinct values of one sample, nulls left out. */
export const distinct = (feature: Feature): number => {
  if (feature.kind === "categorical") return feature.counts.size
  const { sorted } = feature
  let count = 0
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) count++
  return count
}

export interface CategoryTable {
  readonly keys: ReadonlyArray<Category>
  readonly reference: Float64Array
  readonly window: Float64Array
}

/** Counts per category of either side, in one order for both. */
export const categoryTable = (reference: Feature, window: Feature): CategoryTable => {
  const first = asCategories(reference).counts
  const second = asCategories(window).counts
  const keys = [...new Set([...first.keys(), ...second.keys()])]
  const column = (counts: ReadonlyMap<Category, number>) =>
    Float64Array.from(keys, (key) => counts.get(key) ?? 0)
  return { keys, reference: column(first), window: column(second) }
}
