// One message of a consumer, on its way from the server's delivery to the word that finishes it.
import type { Msg } from "nats"
import { readAckSubject } from "./ack-subject.ts"
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
