// Rows of several features as one row-major array, which tests over all features at once take.
import { StatisticUndefined } from "./undefined.ts"

export interface Rows {
  /** Row-major, `count` times `width` numbers. */
  readonly values: Float64Array
  readonly count: number
  /** Features in a row. */
  readonly width: number
}

/** Rows from one array per feature; throws `StatisticUndefined` where their lengths differ. */
export const fromFeatures = (features: ReadonlyArray<Float64Array>): Rows => {
  const width = features.length
  const count = features[0]?.length ?? 0
  if (features.some((one) => one.length !== count))
    throw new StatisticUndefined({ statistic: "rows", reason: "features differ in length" })
  const values = new Float64Array(count * width)
  for (let j = 0; j < width; j++) {
    const feature = features[j]!
    for (let i = 0; i < count; i++) values[i * width + j] = feature[i]!
  }
  return { values, count, width }
}

/** Rows from a list of rows. */
export const fromList = (list: ReadonlyArray<ArrayLike<number>>): Rows => {
  const width = list[0]?.length ?? 0
  if (list.some((row) => row.length !== width))
    throw new StatisticUndefined({ statistic: "rows", reason: "rows differ in length" })
  const values = new Float64Array(list.length * width)
  list.forEach((row, i) => values.set(Array.from(row), i * width))
  return { values, count: list.length, width }
}

/** Every feature moved and scaled to mean 0 and deviation 1 of the reference (0 stays 0). */
export const standardiser = (reference: Rows): ((rows: Rows) => Rows) => {
  const { values, count, width } = reference
  const means = new Float64Array(width)
  const scales = new Float64Array(width)
  for (let i = 0; i < values.length; i++) means[i % width]! += values[i]! / count
  for (let i = 0; i < values.length; i++)
    scales[i % width]! += (values[i]! - means[i % width]!) ** 2 / count
  const factors = scales.map((variance) => (variance > 0 ? 1 / Math.sqrt(variance) : 1))
  return (rows) => ({
    ...rows,
    values: rows.values.map((value, i) => (value - means[i % width]!) * factors[i % width]!),
  })
}

/** Throws `StatisticUndefined` unless both sides are tables of numbers of one width. */
export const requireComparable = (statistic: string, reference: Rows, window: Rows): void => {
  const refuse = (reason: string): never => {
    throw new StatisticUndefined({ statistic, reason })
  }
  if (reference.width !== window.width)
    refuse(`the reference has ${reference.width} features, the window ${window.width}`)
  for (const [name, rows] of [
    ["the reference", reference],
    ["the window", window],
  ] as const) {
    if (rows.count < 2) refuse(`${name} has fewer than two rows`)
    if (rows.values.some(Number.isNaN)) refuse(`${name} contains NaN`)
  }
}
