// What the server says of a delivery in the subject on which it is acknowledged: its place in the
// stream and with the consumer, and its time. One comes with every message, so it is read in place,
// without a text of each token.
const NANOS_PER_MILLI = 1_000_000

interface AckTokens {
  readonly sequence: number
  readonly deliveries: number
  readonly storedAt: number
  readonly pending: number
}

const DIGIT_ZERO = 48
/** So many digits are a whole number without rounding. */
const EXACT_DIGITS = 15
/** Digits of nanoseconds that are less than a millisecond. */
const BELOW_MILLI_DIGITS = 6
/** Tokens up to the last one that is read. */
const TOKENS_READ = 11
/** Where each of them ends in the subject that is being read. */
const tokenEnds = new Int32Array(TOKENS_READ)

/** Fills `tokenEnds`; returns how many tokens there are, of those that are read. */
const findTokens = (subject: string): number => {
  let tokens = 0
  let dot = subject.indexOf(".")
  while (dot !== -1 && tokens < TOKENS_READ) {
    tokenEnds[tokens++] = dot
    dot = subject.indexOf(".", dot + 1)
  }
  if (tokens < TOKENS_READ) tokenEnds[tokens++] = subject.length
  return tokens
}

const startOf = (token: number): number => (tokenEnds[token - 1] ?? -1) + 1
const endOf = (token: number): number => tokenEnds[token] ?? 0

/** The digits from `start` to before `end` as a number; NaN where anything else stands. */
const digitsIn = (text: string, start: number, end: number): number => {
  if (start >= end || end - start > EXACT_DIGITS) return Number.NaN
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - DIGIT_ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

const numberOf = (subject: string, token: number): number => {
  const digits = digitsIn(subject, startOf(token), endOf(token))
  return Number.isNaN(digits) ? Number(subject.slice(startOf(token), endOf(token))) : digits
}

/** A number has not digits enough for nanoseconds; without the last six of them it is exact. */
const millisOf = (subject: string, token: number): number => {
  const split = endOf(token) - BELOW_MILLI_DIGITS
  const millis = digitsIn(subject, startOf(token), split)
  const isPlain = !Number.isNaN(millis) && !Number.isNaN(digitsIn(subject, split, endOf(token)))
  return isPlain ? millis : Math.floor(numberOf(subject, token) / NANOS_PER_MILLI)
}

/**
 * Reads
 * `$JS.ACK.[domain.account.]stream.consumer.` and then
 * `deliveries.sequence.consumerSequence.time.pending[.token]`.
 * What is no number is NaN.
 */
export const readAckSubject = (subject: string): AckTokens => {
  const tokens = findTokens(subject)
  const first = tokens >= TOKENS_READ ? 6 : 4
  const has = (token: number) => token < tokens
  return {
    deliveries: has(first) ? numberOf(subject, first) : Number.NaN,
    sequence: has(first + 1) ? numberOf(subject, first + 1) : Number.NaN,
    storedAt: has(first + 3) ? millisOf(subject, first + 3) : Number.NaN,
    pending: has(first + 4) ? numberOf(subject, first + 4) : Number.NaN,
  }
}
