// Everything that a process publishes, written to the socket together once the work of this turn of
// the event loop is done: one write and one wake-up of the server where there would be as many as
// there are messages. It keeps their order.
import type { NatsConnection, PublishOptions } from "nats"

interface Outgoing {
  readonly subject: string
  readonly payload: Uint8Array | string
  readonly options: PublishOptions | undefined
}

export class Outbox {
  readonly #connection: NatsConnection
  #outgoing: Array<Outgoing> = []
  #scheduled = false

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /**
   * Publishes with the next write. `payload` must never change afterwards. What cannot be sent
   * because the connection has just been closed is dropped: every sender has its own deadline.
   */
  publish(subject: string, payload: Uint8Array | string, options?: PublishOptions): void {
    this.#outgoing.push({ subject, payload, options })
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  /** Hands everything to the connection now. */
  flush(): void {
    const outgoing = this.#outgoing
    if (outgoing.length === 0) return
    this.#outgoing = []
    for (const { subject, payload, options } of outgoing) {
      try {
        this.#connection.publish(subject, payload, options)
      } catch {
        // Closed, or larger than a server takes that we were moved to: the deadline of its sender
        // tells.
      }
    }
  }

  /** Whether the server takes a message of this size: its limit counts payload and headers. */
  fits(payload: Uint8Array, headerBytes: number): boolean {
    const most = this.#connection.info?.max_payload ?? 0
    return payload.byteLength + headerBytes <= most
  }
}
