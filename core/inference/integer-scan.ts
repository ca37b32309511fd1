// Whole numbers beyond 2^53, read from the text itself, because JSON.parse rounds them without a
// word. It takes about twice as long as JSON.parse, so only data that holds such a number comes
// here.

/** "-" and the nineteen digits of −2^63, or the twenty of 2^64. */
const INTEGER_MAX_CHARACTERS = 20
const MINUS = 45
const ZERO = 48
const NINE = 57
const WHOLE = /^-?\d{1,20}$/
/** What a JSON number has besides digits and the minus sign in front. */
const OTHER_NUMBER_PARTS: ReadonlySet<string> = new Set(["+", "-", ".", "e", "E"])

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE

/** Digits other than 0 before an exponent: a double underflows to 0, the number is none. */
const UNDERFLOWN = /^[^eE]*[1-9]/

/** What such a number has in the text that holds it; few bodies have it, so few are read again. */
const MAY_UNDERFLOW = /[eE]-0*[1-9]\d{2}|\.0{300}/
export const mayUnderflow = (text: string): boolean => MAY_UNDERFLOW.test(text)
/** Whether the number is another than 0 though JSON.parse makes 0 of it. */
export const isUnderflown = (token: string): boolean =>
  Number(token) === 0 && UNDERFLOWN.test(token)

const safeInteger = (token: string): bigint | undefined => {
  const value = Number(token)
  if (isUnderflown(token)) return undefined
  return Number.isSafeInteger(value) ? BigInt(value) : undefined
}

/** The exact value of a JSON number, if it is a whole number that is written out or within 2^53. */
export const exactInteger = (token: string): bigint | undefined =>
  token.length <= INTEGER_MAX_CHARACTERS && WHOLE.test(token) ? BigInt(token) : safeInteger(token)

const tokenStart = (text: string, from: number): number => {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isDigit(code) || code === MINUS) break
  }
  return at
}

const digitsEnd = (text: string, from: number): number => {
  let at = from + 1
  while (isDigit(text.charCodeAt(at))) at++
  return at
}

const tokenEnd = (text: string, from: number): number => {
  let at = from
  while (isDigit(text.charCodeAt(at)) || OTHER_NUMBER_PARTS.has(text.charAt(at))) at++
  return at
}

/**
 * Fills `into` with the numbers of the array that opens at `from`, nested or flat, which JSON.parse
 * has found to hold exactly as many numbers. Returns the index and the text of the first that does
 * not fit, if any.
 */
export const scanIntegers = (
  text: string,
  from: number,
  into: BigInt64Array | BigUint64Array,
): { readonly index: number; readonly token: string } | undefined => {
  let at = from
  for (let index = 0; index < into.length; index++) {
    const start = tokenStart(text, at)
    const digits = digitsEnd(text, start)
    at = tokenEnd(text, digits)
    const token = text.slice(start, at)
    const written = at === digits && token.length <= INTEGER_MAX_CHARACTERS
    const value = written ? BigInt(token) : safeInteger(token)
    if (value === undefined) return { index, token }
    into[index] = value
    // A 64-bit element keeps the value only if it is in range; otherwise it wraps around.
    if (into[index] !== value) return { index, token }
  }
  return undefined
}
