// Finds the element of a given rank without sorting the rest.

/** Ranges shorter than this are sorted outright. */
const SORTED_BELOW = 64

/**
 * The element that would stand at `rank` (from 0) if the values were sorted ascending; reorders
 * them. Hoare's selection with a median of three; values must not contain NaN.
 */
export const selectInPlace = (values: Float64Array, rank: number): number => {
  let low = 0
  let high = values.length - 1
  while (high - low > SORTED_BELOW) {
    const middle = (low + high) >> 1
    const a = values[low]!
    const b = values[middle]!
    const c = values[high]!
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! < pivot) i++
      while (values[j]! > pivot) j--
      if (i > j) break
      const swapped = values[i]!
      values[i++] = values[j]!
      values[j--] = swapped
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else return pivot
  }
  values.subarray(low, high + 1).sort()
  return values[rank]!
}
