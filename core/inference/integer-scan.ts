// Whole numbers beyond 2^53, read from the text itself, because JSON.parse rounds them without a word. Slower than
// JSON.parse by a factor of about two, so only data with such a number comes here.

/** "-" and the nineteen digits of −2^63, or the twenty of 2^64. */
const INTEGER_MAX_CHARACTERS = 20
const MINUS = 45
const ZERO = 48
const NINE = 57
const WHOLE = /^-?\d+$/

const isTokenPart = (code: number): boolean =>
  (code >= ZERO && code <= NINE) ||
  code === MINUS ||
  code === 43 || // +
  code === 46 || // .
  code === 69 || // E
  code === 101 // e

/** The exact value of a JSON number, if it is a whole number that is written out or below 2^53. */
export const exactInteger = (token: string): bigint | undefined => {
  if (token.length <= INTEGER_MAX_CHARACTERS && WHOLE.test(token)) return BigInt(token)
  const value = Number(token)
  return Number.isSafeInteger(value) ? BigInt(value) : undefined
}

/**
 * Fills `into` with the numbers of the array that opens at `from`, nested or flat, which JSON.parse has found to hold
 * exactly as many numbers. Returns the index and the text of the first that does not fit, if any.
 */
export const scanIntegers = (
  text: string,
  from: number,
  into: BigInt64Array | BigUint64Array,
): { readonly index: number; readonly token: string } | undefined => {
  const signed = into instanceof BigInt64Array
  let at = from
  for (let index = 0; index < into.length; index++) {
    while (at < text.length && !isTokenPart(text.charCodeAt(at))) at++
    const start = at
    while (isTokenPart(text.charCodeAt(at))) at++
    const token = text.slice(start, at)
    const value = exactInteger(token)
    if (value === undefined) return { index, token }
    const kept = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)
    if (kept !== value) return { index, token }
    into[index] = value
  }
  return undefined
}
