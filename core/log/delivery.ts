// One message of a consumer, on its way from the server's delivery to the word that finishes it.
import type { Msg } from "nats"
import { receivedHeaders, type ReceivedHeaders } from "./received-headers.ts"

const NANOS_PER_MILLI = 1_000_000

export interface Delivery {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: ReceivedHeaders | undefined
  /** Why the headers cannot be read: a producer may send anything. */
  readonly headersFault?: string | undefined
  /** Sequence in the stream. */
  readonly sequence: number
  /** 1 at the first delivery. */
  readonly deliveries: number
  /** When the server stored it, milliseconds since 1970. */
  readonly storedAt: number
  /** Messages of the consumer that come after this one. */
  readonly pending: number
  /** Each of the following finishes the message for this process; the first call counts. */
  ack(): void
  nak(delayMillis: number): void
  term(): void
  /** Forgets it without a word, for consumers that take no acks. */
  done(): void
  /** Restarts the time within which the server waits for the ack. */
  working(): void
}

export const ACK = "+ACK"
const NAK = "-NAK"
export const TERM = "+TERM"
const WORKING = "+WPI"

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
 * Makes no text of each token, for one such subject comes with every message. What is no number
 * is NaN.
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

/** Who takes the words of a message to the server. */
export interface DeliveryOwner {
  readonly tell: (subject: string, word: string) => void
  /** Called once, when the message is finished, with what the server was told of it last. */
  readonly finished: (delivery: PulledMessage, word: string | undefined) => void
}

/** A delivery as the server sent it. */
export class PulledMessage implements Delivery {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: ReceivedHeaders | undefined
  readonly headersFault: string | undefined
  readonly sequence: number
  readonly deliveries: number
  readonly storedAt: number
  readonly pending: number
  readonly #owner: DeliveryOwner
  readonly ackSubject: string
  #finished = false

  constructor(message: Msg, owner: DeliveryOwner) {
    this.#owner = owner
    this.ackSubject = message.reply ?? ""
    this.subject = message.subject
    this.data = message.data
    let headers: ReceivedHeaders | undefined
    let fault: string | undefined
    try {
      headers = receivedHeaders(message)
    } catch (cause) {
      fault = cause instanceof Error ? cause.message : String(cause)
    }
    this.headers = headers
    this.headersFault = fault
    const { sequence, deliveries, storedAt, pending } = readAckSubject(this.ackSubject)
    this.sequence = sequence
    this.deliveries = deliveries
    this.storedAt = storedAt
    this.pending = pending
  }

  ack(): void {
    this.#finish(ACK)
  }

  nak(delayMillis: number): void {
    this.#finish(delayMillis > 0 ? `${NAK} {"delay": ${delayMillis * NANOS_PER_MILLI}}` : NAK)
  }

  term(): void {
    this.#finish(TERM)
  }

  done(): void {
    this.#finish(undefined)
  }

  working(): void {
    if (!this.#finished) this.#owner.tell(this.ackSubject, WORKING)
  }

  #finish(word: string | undefined): void {
    if (this.#finished) return
    this.#finished = true
    if (word !== undefined) this.#owner.tell(this.ackSubject, word)
    this.#owner.finished(this, word)
  }
}
