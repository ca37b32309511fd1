// The last acknowledgements that were sent, to be sent again after the connection was lost: what a
// server that ends has not read yet is gone, and finished work would be delivered once more. One
// counts only while its sequence still holds the message that it was for, since a server that lost
// power gives sequences out again.
import type { Log } from "./log.ts"
import { LookupFailed, readDirect } from "./read.ts"

/** Some tenths of a second at full load: more than connections hold on their way. */
const REMEMBERED_MAX = 2_048
/** What is older was read long ago. */
const REMEMBERED_MILLIS = 5_000
/** Look-ups at once. */
const LOOKUPS_MAX = 64

export interface SentAck {
  /** Of the message that it was for. */
  readonly subject: string
  readonly sequence: number
  readonly ackSubject: string
  readonly word: string
}

interface Remembered extends SentAck {
  readonly at: number
}

export class LateAcks {
  readonly #sent: Array<Remembered> = []
  #next = 0

  remember(sent: SentAck, now: number): void {
    const { subject, sequence, ackSubject, word } = sent
    this.#sent[this.#next] = { subject, sequence, ackSubject, word, at: now }
    this.#next = (this.#next + 1) % REMEMBERED_MAX
  }

  /**
   * Sends again what the server does not know of; returns how many those were. Needs `allow_direct`
   * on the stream.
   */
  async repeat(log: Log, stream: string, now: number): Promise<number> {
    const recent = this.#sent.splice(0).filter(({ at }) => now - at <= REMEMBERED_MILLIS)
    this.#next = 0
    let repeated = 0
    const one = async ({ subject, sequence, ackSubject, word }: Remembered) => {
      const found = await readDirect(log, stream, { seq: sequence })
      if (found?.subject !== subject) return
      log.outbox.publish(ackSubject, word)
      repeated++
    }
    try {
      for (let at = 0; at < recent.length; at += LOOKUPS_MAX)
        await Promise.all(recent.slice(at, at + LOOKUPS_MAX).map(one))
    } catch (cause) {
      // The link is gone again, or the stream: such work meets its own fact.
      if (!(cause instanceof LookupFailed)) throw cause
    }
    return repeated
  }
}
