// The arrays of `bench drift`: one reference and one window of normal numbers without any drift, by
// a seed, the same for every library that is measured on them.
import { normal, seededRandom } from "#core/statistics/seeded-random"

export const REFERENCE_ROWS = 2_000
export const WINDOW_ROWS = 500
export const FEATURES = 10
const SEED = 20_261_122

export interface Arrays {
  /** One array per feature. */
  readonly reference: ReadonlyArray<Float64Array>
  readonly window: ReadonlyArray<Float64Array>
}

const draw = (rows: number, random: () => number): ReadonlyArray<Float64Array> =>
  Array.from({ length: FEATURES }, () => Float64Array.from({ length: rows }, () => normal(random)))

export const makeArrays = (seed = SEED): Arrays => {
  const random = seededRandom(seed)
  return { reference: draw(REFERENCE_ROWS, random), window: draw(WINDOW_ROWS, random) }
}
