// Tests of independence on tables of counts: chi-squared with Yates' correction as
// `scipy.stats.chi2_contingency` does it, the G-test, goodness of fit, and two proportions.
import { chiSquaredTail } from "./gamma.ts"
import { normalAbove } from "./normal.ts"
import { StatisticUndefined } from "./undefined.ts"

export type Table = ReadonlyArray<ReadonlyArray<number>>

export interface ChiSquared {
  readonly statistic: number
  readonly pvalue: number
  readonly dof: number
  readonly expected: Table
}

const refuse = (statistic: string, reason: string): never => {
  throw new StatisticUndefined({ statistic, reason })
}

const expectedCounts = (statistic: string, table: Table): Table => {
  const columns = table[0]?.length ?? 0
  if (columns === 0) refuse(statistic, "the table is empty")
  if (table.some((row) => row.length !== columns)) refuse(statistic, "the rows differ in length")
  if (table.some((row) => row.some((count) => !(count >= 0))))
    refuse(statistic, "a count is negative or not a number")
  const rowSums = table.map((row) => row.reduce((sum, count) => sum + count, 0))
  const columnSums = Array.from({ length: columns }, (_, j) =>
    table.reduce((sum, row) => sum + row[j]!, 0),
  )
  const total = rowSums.reduce((sum, one) => sum + one, 0)
  const empty = rowSums.indexOf(0)
  if (empty >= 0) refuse(statistic, `row ${empty} of the table is all zero`)
  const emptyColumn = columnSums.indexOf(0)
  if (emptyColumn >= 0) refuse(statistic, `column ${emptyColumn} of the table is all zero`)
  return rowSums.map((row) => columnSums.map((column) => (row * column) / total))
}

const evaluate = (
  statistic: string,
  table: Table,
  correction: boolean,
  term: (observed: number, expected: number) => number,
): ChiSquared => {
  const expected = expectedCounts(statistic, table)
  const dof = (table.length - 1) * (expected[0]!.length - 1)
  if (dof === 0) return { statistic: 0, pvalue: 1, dof, expected }
  let sum = 0
  for (let i = 0; i < expected.length; i++)
    for (let j = 0; j < expected[i]!.length; j++) {
      const mean = expected[i]![j]!
      const gap = mean - table[i]![j]!
      // Yates moves each count by up to a half towards its expectation, and acts only when dof = 1.
      const moved = correction && dof === 1 ? Math.sign(gap) * Math.min(0.5, Math.abs(gap)) : 0
      sum += term(table[i]![j]! + moved, mean)
    }
  return { statistic: sum, pvalue: chiSquaredTail(sum, dof), dof, expected }
}

/** Pearson's test; `correction` is Yates', on by default, acting on one degree of freedom only. */
export const chiSquaredContingency = (table: Table, correction = true): ChiSquared =>
  evaluate("chi-squared", table, correction, (seen, mean) => (seen - mean) ** 2 / mean)

/** The likelihood-ratio test, 2·Σ observed·ln(observed/expected). */
export const gTest = (table: Table, correction = false): ChiSquared =>
  evaluate("G-test", table, correction, (seen, mean) =>
    seen === 0 ? 0 : 2 * seen * Math.log(seen / mean),
  )

/**
 * Pearson's goodness of fit of counts to expected counts, with one degree of freedom less than
 * there are cells (`scipy.stats.chisquare`). A count where none is expected gives p = 0.
 */
export const chiSquaredFit = (
  observed: ReadonlyArray<number>,
  expected: ReadonlyArray<number>,
): { readonly statistic: number; readonly pvalue: number } => {
  let statistic = 0
  for (let i = 0; i < observed.length; i++)
    statistic += (observed[i]! - expected[i]!) ** 2 / expected[i]!
  if (Number.isNaN(statistic)) refuse("chi-squared", "a cell is neither observed nor expected")
  return { statistic, pvalue: chiSquaredTail(statistic, observed.length - 1) }
}

/** Likelihood-ratio goodness of fit, 2·Σ observed·ln(observed/expected); the sums must agree. */
export const gTestFit = (
  observed: ReadonlyArray<number>,
  expected: ReadonlyArray<number>,
): { readonly statistic: number; readonly pvalue: number } => {
  const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, one) => total + one, 0)
  if (sum(observed) !== sum(expected)) refuse("G-test", "reference and window differ in rows")
  let statistic = 0
  for (let i = 0; i < observed.length; i++)
    if (observed[i]! > 0) statistic += 2 * observed[i]! * Math.log(observed[i]! / expected[i]!)
  return { statistic, pvalue: chiSquaredTail(statistic, observed.length - 1) }
}

/** Two-sided z-test that two shares are equal, with the pooled share (Evidently's `z`). */
export const twoProportions = (
  successes1: number,
  rows1: number,
  successes2: number,
  rows2: number,
): { readonly statistic: number; readonly pvalue: number } => {
  const pooled = (successes1 + successes2) / (rows1 + rows2)
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / rows1 + 1 / rows2))
  if (spread === 0) return { statistic: 0, pvalue: 1 }
  const statistic = (successes1 / rows1 - successes2 / rows2) / spread
  return { statistic, pvalue: 2 * normalAbove(Math.abs(statistic)) }
}
