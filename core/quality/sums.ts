// NumPy's sums, so that means and deviations equal the tool's to the last bit: a bound that was
// taken from an observed value must hold again.

const UNROLLED = 8
const BLOCK = 128

/** `numpy.add.reduce` of float64: pairwise, with eight running sums in each block. */
const pairwise = (values: Float64Array, from: number, count: number): number => {
  if (count < UNROLLED) {
    let sum = 0
    for (let i = 0; i < count; i++) sum += values[from + i]!
    return sum
  }
  if (count > BLOCK) {
    const half = Math.floor(count / 2)
    const left = half - (half % UNROLLED)
    return pairwise(values, from, left) + pairwise(values, from + left, count - left)
  }
  const r = values.slice(from, from + UNROLLED)
  const whole = count - (count % UNROLLED)
  for (let i = UNROLLED; i < whole; i += UNROLLED)
    for (let lane = 0; lane < UNROLLED; lane++) r[lane]! += values[from + i + lane]!
  let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!))
  for (let i = whole; i < count; i++) sum += values[from + i]!
  return sum
}

/** The sum as NumPy adds it; NaN counts as nothing but keeps its place. */
export const sumOf = (values: Float64Array): number => {
  const filled = values.map((value) => (value === value ? value : 0))
  return pairwise(filled, 0, filled.length)
}

const countOf = (values: Float64Array): number => {
  let count = 0
  for (const value of values) if (value === value) count += 1
  return count
}

/** The mean of what is not NaN; NaN for nothing. */
export const meanOf = (values: Float64Array): number => sumOf(values) / countOf(values)

/** The sample standard deviation (n − 1) of what is not NaN; NaN below two values. */
export const deviationOf = (values: Float64Array): number => {
  const count = countOf(values)
  if (count < 2) return Number.NaN
  const mean = sumOf(values) / count
  // A distance from infinity is no number, which is not the same as a value that is missing.
  const squares = values.map((value) => (value === value ? (mean - value) ** 2 : 0))
  return Math.sqrt(pairwise(squares, 0, squares.length) / (count - 1))
}

/** The median of what is not NaN; NaN for nothing. */
export const medianOf = (values: Float64Array): number => {
  const sorted = values.filter((value) => value === value).sort()
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  const upper = sorted[middle]!
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
}
