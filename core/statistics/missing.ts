// Changes that tests on values cannot see: more nulls than before, and categories never seen.
import type { Category } from "./histogram.ts"
import { twoProportions } from "./contingency.ts"
import { StatisticUndefined } from "./undefined.ts"

export interface NullRate {
  readonly nulls: number
  readonly rows: number
  /** Share of rows without a value, 0 to 1. */
  readonly rate: number
}

/** The share of NaN in a feature, where null is written as NaN. */
export const nullRate = (values: Float64Array): NullRate => {
  if (values.length === 0)
    throw new StatisticUndefined({ statistic: "null rate", reason: "the window is empty" })
  let nulls = 0
  for (const value of values) if (Number.isNaN(value)) nulls++
  return { nulls, rows: values.length, rate: nulls / values.length }
}

/** Whether the null rate differs from the reference's: z-test of two shares, effect in shares. */
export const nullRateShift = (reference: NullRate, window: NullRate) => ({
  ...twoProportions(window.nulls, window.rows, reference.nulls, reference.rows),
  effect: window.rate - reference.rate,
})

export interface UnseenRate {
  readonly unseen: ReadonlyMap<Category, number>
  readonly rows: number
  /** Share of rows whose category the reference never had, 0 to 1. */
  readonly rate: number
}

/** The categories of the window that the reference never had, with how often they came. */
export const unseenRate = (
  known: ReadonlySet<Category>,
  window: ReadonlyArray<Category>,
): UnseenRate => {
  if (window.length === 0)
    throw new StatisticUndefined({ statistic: "unseen categories", reason: "the window is empty" })
  const unseen = new Map<Category, number>()
  let count = 0
  for (const value of window) {
    if (known.has(value)) continue
    unseen.set(value, (unseen.get(value) ?? 0) + 1)
    count++
  }
  return { unseen, rows: window.length, rate: count / window.length }
}

/** The sample without its nulls. */
export const withoutNulls = (values: Float64Array): Float64Array =>
  values.filter((value) => !Number.isNaN(value))
