// The expectation about the Kullback-Leibler divergence of a column from a given partition, of
// categories or of bins, in natural logarithms.
import { Schema } from "effect"
import {
  define,
  MetricFailed,
  type AggregateCheck,
  type Family,
  type Observation,
} from "./check.ts"
import { columnIn, presentCells } from "./aggregates.ts"
import { valueCounts } from "./distinct-values.ts"
import { Bound, Flag, KwargsRefused, oneColumn, Share, Value } from "./kwargs.ts"
import { hashed } from "./membership.ts"
import { sumOf } from "./sums.ts"
import { presentRows, type Cell, type Column } from "./table.ts"
import { numbersOf } from "./whole-column.ts"

const METRIC = "column.histogram"
const WEIGHTS_TOLERANCE = 1e-8 + 1e-5

const Edge = Schema.Union([Schema.Finite, Schema.Literals(["Infinity", "-Infinity"])])
const Weights = Schema.Array(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)))
const Partition = Schema.Struct({
  values: Schema.optionalKey(Schema.Array(Value)),
  bins: Schema.optionalKey(Schema.Array(Edge)),
  weights: Weights,
  tail_weights: Schema.optionalKey(Weights),
})

const sum = (values: ReadonlyArray<number>): number => sumOf(Float64Array.from(values))

/** Σ p ln(p/q) of both scaled to a sum of 1; infinite where q is 0 and p is not. */
const divergence = (p: ReadonlyArray<number>, q: ReadonlyArray<number>): number => {
  const [pSum, qSum] = [sum(p), sum(q)]
  return sum(
    p.map((weight, i) => {
      const [own, other] = [weight / pSum, (q[i] ?? 0) / qSum]
      if (own > 0 && other > 0) return own * Math.log(own / other)
      return own === 0 && other >= 0 ? 0 : Infinity
    }),
  )
}

interface Holdouts {
  readonly tail: number
  readonly internal: number
}

const judged = (
  value: number,
  threshold: number | null | undefined,
  details: unknown,
): Observation => ({
  success: threshold === null || threshold === undefined || value <= threshold,
  result: { observed_value: Number.isFinite(value) ? value : null, details },
})

interface Categories {
  readonly values: ReadonlyArray<Cell>
  readonly weights: ReadonlyArray<number>
}

const ofCategories = (
  cells: ReadonlyArray<Cell>,
  { values, weights }: Categories,
  tail: number,
  threshold: number | null | undefined,
): Observation => {
  const counts = valueCounts(cells)
  const observed = new Map(counts.map(({ value, count }) => [hashed(value), count / cells.length]))
  const known = new Set(values.map(hashed))
  const extra = counts.map(({ value }) => value).filter((value) => !known.has(hashed(value)))
  const all = [...values, ...extra]
  const p = all.map((value) => observed.get(hashed(value)) ?? 0)
  const scale = extra.length > 0 ? 1 - tail : 1
  const q = all.map((_, i) => (i < values.length ? weights[i]! * scale : tail / extra.length))
  return judged(divergence(p, q), threshold, {
    observed_partition: { values: all, weights: p },
    expected_partition: { values: all, weights: q },
  })
}

interface Bins {
  readonly bins: ReadonlyArray<number>
  readonly weights: ReadonlyArray<number>
  readonly tailWeights: ReadonlyArray<number> | undefined
}

/** Counts in [edge, next), the last bin closed, and what lies below and above all of them. */
const binned = (numbers: Float64Array, edges: ReadonlyArray<number>) => {
  const counts = edges.slice(1).map(() => 0)
  let [below, above] = [0, 0]
  const last = edges.length - 1
  for (const value of numbers) {
    if (value < edges[0]!) below += 1
    else if (value > edges[last]!) above += 1
    else if (value === edges[last]) counts[last - 1]! += 1
    else counts[edges.findLastIndex((edge) => edge <= value)]! += 1
  }
  return { counts, below, above }
}

/** The weights with what is held out of them for empty bins and for the tails. */
const heldOut = (weights: ReadonlyArray<number>, { tail, internal }: Holdouts) => {
  const scaled = weights.map((weight) => weight * (1 - tail - internal))
  const empty = scaled.filter((weight) => weight === 0).length
  return scaled.map((weight) => (internal > 0 && weight === 0 ? internal / empty : weight))
}

interface Split {
  readonly all: ReadonlyArray<number>
  readonly inner: ReadonlyArray<number>
  readonly tails: ReadonlyArray<number>
}

/** An infinite first or last bin is a tail itself; where there is none, the given tail is put. */
const split = (
  weights: ReadonlyArray<number>,
  isOpen: readonly [boolean, boolean],
  outer: readonly [number, number],
): Split => {
  const all = [...(isOpen[0] ? [] : [outer[0]]), ...weights, ...(isOpen[1] ? [] : [outer[1]])]
  return { all, inner: all.slice(1, -1), tails: [all[0]!, all.at(-1)!] }
}

const ofBins = (
  numbers: Float64Array,
  { bins, weights, tailWeights }: Bins,
  holdouts: Holdouts,
  threshold: number | null | undefined,
): Observation => {
  const isOpen = [bins[0] === -Infinity, bins.at(-1) === Infinity] as const
  const { tail } = holdouts
  if (isOpen[0] && isOpen[1] && tail > 0)
    throw new MetricFailed(
      "tail_weight_holdout cannot be used for partitions with infinite endpoints.",
    )
  if ((isOpen[0] || isOpen[1]) && tailWeights !== undefined)
    throw new MetricFailed(
      "There can be no tail weights for partitions with one or both endpoints at infinity",
    )
  const { counts, below, above } = binned(numbers, bins)
  const share = (count: number): number => count / numbers.length
  const observed = split(counts.map(share), isOpen, [share(below), share(above)])
  const half = isOpen[0] || isOpen[1] ? tail : tail / 2
  const expected = split(heldOut(weights, holdouts), isOpen, [
    tailWeights?.[0] ?? half,
    tailWeights?.[1] ?? half,
  ])
  const inner = bins.slice(isOpen[0] ? 1 : 0, isOpen[1] ? -1 : undefined)
  const form = ({ inner: own, tails }: Split) => ({
    bins: inner,
    weights: own,
    tail_weights: tails,
  })
  return judged(divergence(observed.all, expected.all), threshold, {
    observed_partition: form(observed),
    expected_partition: form(expected),
  })
}

const edgeOf = (edge: number | string): number => Number(edge)

const isWhole = (...weights: ReadonlyArray<ReadonlyArray<number> | undefined>): boolean =>
  Math.abs(sum(weights.flatMap((list) => list ?? [])) - 1) <= WEIGHTS_TOLERANCE

const refuse = (isRefused: boolean, reason: string): void => {
  if (isRefused) throw new KwargsRefused(reason)
}

const klFields = {
  ...oneColumn,
  partition_object: Partition,
  threshold: Schema.optionalKey(
    Schema.NullOr(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  ),
  tail_weight_holdout: Schema.optionalKey(Schema.NullOr(Share)),
  internal_weight_holdout: Schema.optionalKey(Schema.NullOr(Share)),
  bucketize_data: Flag,
  min_value: Bound,
  max_value: Bound,
} as const

const klDivergence = define(klFields, (kwargs): AggregateCheck => {
  const { column: name, partition_object: partition, threshold } = kwargs
  const { values, weights, tail_weights: tailWeights } = partition
  const bins = partition.bins?.map(edgeOf)
  const holdouts: Holdouts = {
    tail: kwargs.tail_weight_holdout ?? 0,
    internal: kwargs.internal_weight_holdout ?? 0,
  }
  const isDiscrete = values !== undefined
  const { length } = weights
  refuse(isDiscrete === (bins !== undefined), "partition_object needs either values or bins")
  refuse(isDiscrete && values.length !== length, "values and weights must be of one length")
  refuse(bins !== undefined && bins.length !== length + 1, "bins must be one more than weights")
  refuse(!isWhole(weights, tailWeights), "the weights must sum up to 1")
  refuse(isDiscrete && holdouts.internal > 0, "internal_weight_holdout needs bins")
  refuse(!isDiscrete && kwargs.bucketize_data === false, "bins need bucketize_data")
  refuse(
    holdouts.tail !== 0 && tailWeights !== undefined,
    "tail_weight_holdout must be 0 where the partition has tail_weights",
  )
  const metric = isDiscrete ? "column.value_counts" : METRIC
  const compute = (column: Column, rows: Uint32Array): Observation =>
    bins === undefined
      ? ofCategories(
          presentCells(column, rows),
          { values: values ?? [], weights },
          holdouts.tail,
          threshold,
        )
      : ofBins(
          numbersOf(column, presentRows(column, rows), metric),
          { bins, weights, tailWeights },
          holdouts,
          threshold,
        )
  return {
    kind: "aggregate",
    metric,
    column: name,
    observe: (domain, version) => {
      const column = columnIn(domain, name, metric)
      if (version === 0 && !isDiscrete && presentRows(column, domain.rows).length === 0)
        throw new MetricFailed("division by zero")
      return compute(column, domain.rows)
    },
  }
})

export const divergenceFamily: Family = {
  expect_column_kl_divergence_to_be_less_than: klDivergence,
}
