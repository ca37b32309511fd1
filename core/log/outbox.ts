// Everything that a process publishes, written to the socket together once the work of this turn of
// the event loop is done: one buffer, one write and one wake-up of the server where there would be
// as many as there are messages. It keeps their order. Each message is written in the protocol's
// own words, straight into that buffer: the client makes ten objects of each.
import type { NatsConnection } from "nats"

interface Outgoing {
  /** The command with the block of headers, and with the payload where that is text. */
  readonly head: string
  readonly payload: Uint8Array | undefined
  /** Headers and payload, which the server's limit counts. */
  readonly size: number
}

/** What stands around the payload of a message. */
export interface Envelope {
  readonly reply?: string
  /** As `headerBlock` gives it. */
  readonly headers?: string
}

const END_OF_LINE = "\r\n"
const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const BARE: Envelope = {}

/**
 * Writes commands in their order with the client's own, which does not declare it.
 *
 * @throws Error when this version of the client has no such function.
 */
const commandWriter = (connection: NatsConnection): ((bytes: Uint8Array) => void) => {
  const protocol: unknown = Reflect.get(connection, "protocol")
  if (typeof protocol === "object" && protocol !== null && "sendCommand" in protocol) {
    const { sendCommand } = protocol
    if (typeof sendCommand === "function") return (bytes) => void sendCommand.call(protocol, bytes)
  }
  throw new Error("this version of the NATS client has no sendCommand")
}

export class Outbox {
  readonly #connection: NatsConnection
  readonly #write: (bytes: Uint8Array) => void
  readonly #onTurn = () => {
    this.#scheduled = false
    this.flush()
  }
  #outgoing: Array<Outgoing> = []
  #scheduled = false

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#write = commandWriter(connection)
  }

  /**
   * Publishes with the next write. `payload` must not change until then. What cannot be sent
   * because the connection has just been closed is dropped: every sender has its own deadline.
   */
  publish(subject: string, payload: Uint8Array | string, envelope: Envelope = BARE): void {
    const { reply, headers = "" } = envelope
    const isText = typeof payload === "string"
    const headersLength = Buffer.byteLength(headers)
    const size = headersLength + (isText ? Buffer.byteLength(payload) : payload.byteLength)
    const to = reply === undefined ? subject : `${subject} ${reply}`
    const command =
      headersLength === 0
        ? `PUB ${to} ${size}${END_OF_LINE}`
        : `HPUB ${to} ${headersLength} ${size}${END_OF_LINE}${headers}`
    const head = isText ? command + payload : command
    this.#outgoing.push({ head, payload: isText ? undefined : payload, size })
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#onTurn)
  }

  /** Hands everything to the connection now. */
  flush(): void {
    if (this.#outgoing.length === 0) return
    const outgoing = this.#sendable()
    this.#outgoing = []
    let length = 0
    for (const { head, payload } of outgoing)
      length += Buffer.byteLength(head) + (payload?.byteLength ?? 0) + END_OF_LINE.length
    const bytes = Buffer.allocUnsafeSlow(length)
    let at = 0
    for (const { head, payload } of outgoing) {
      at += bytes.write(head, at)
      if (payload !== undefined) {
        bytes.set(payload, at)
        at += payload.byteLength
      }
      bytes[at++] = CARRIAGE_RETURN
      bytes[at++] = LINE_FEED
    }
    if (length > 0) this.#write(bytes)
  }

  /** Whether the server takes a message of this size: its limit counts payload and headers. */
  fits(payload: Uint8Array, headers: string): boolean {
    const most = this.#connection.info?.max_payload ?? 0
    return payload.byteLength + Buffer.byteLength(headers) <= most
  }

  /** A server that we were moved to can take less, and cuts off who sends more. */
  #sendable(): ReadonlyArray<Outgoing> {
    if (this.#connection.isClosed()) return []
    const most = this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    return this.#outgoing.filter(({ size }) => size <= most)
  }
}
