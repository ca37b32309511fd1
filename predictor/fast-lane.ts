// Requests that come beside the queue, straight from a gateway that waits for their facts. Nothing
// holds them but this process: whoever sent one queues it when its fact does not come soon. What
// cannot be begun here goes into the queue at once.
import type { Delivery } from "../core/log/delivery.ts"
import type { HeaderList } from "../core/log/header-list.ts"
import type { Log } from "../core/log/log.ts"
import { receivedHeaders, type ReceivedHeaders } from "../core/log/received-headers.ts"
import { FAST_WAIT_MILLIS } from "../proto/request.ts"
import {
  ALL_FAST,
  modelAndId,
  PREDICTOR,
  requestSubject,
  type ModelAndId,
} from "../proto/subjects.ts"

/** What lay unread for longer than this is in the queue as well, or its caller is gone. */
const STALL_MAX_MILLIS = FAST_WAIT_MILLIS
const LOOK_MILLIS = STALL_MAX_MILLIS / 4

type Message = Parameters<typeof receivedHeaders>[0]

export interface FastReceiverOptions {
  readonly log: Log
  /** Requests that may be held unfinished, beside those of the queue. */
  readonly limit: () => number
  /** Called for each that was handed to the queue. */
  readonly onQueued: () => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What the lane does with the end of one of its requests. */
interface LaneOwner {
  readonly finished: (delivery: FastDelivery) => void
  readonly queue: (delivery: FastDelivery) => void
}

class FastDelivery implements Delivery {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: ReceivedHeaders | undefined
  /** It has no place in the queue. */
  readonly sequence = 0
  readonly deliveries = 1
  readonly storedAt: number
  readonly pending = 0
  readonly key: string
  readonly names: ModelAndId
  /** The same request from the queue, whose end is the end of this one. */
  queued: Delivery | undefined
  readonly #owner: LaneOwner
  #finished = false

  constructor(
    key: string,
    names: ModelAndId,
    message: Message,
    storedAt: number,
    owner: LaneOwner,
  ) {
    this.key = key
    this.names = names
    this.subject = message.subject
    this.data = message.data
    this.headers = receivedHeaders(message)
    this.storedAt = storedAt
    this.#owner = owner
  }

  ack(): void {
    if (this.#finish()) this.queued?.ack()
  }

  nak(delayMillis: number): void {
    if (!this.#finish()) return
    if (this.queued === undefined) this.#owner.queue(this)
    else this.queued.nak(delayMillis)
  }

  term(): void {
    if (this.#finish()) this.queued?.term()
  }

  done(): void {
    if (this.#finish()) this.queued?.done()
  }

  working(): void {
    // Nobody counts the time but its sender.
  }

  #finish(): boolean {
    if (this.#finished) return false
    this.#finished = true
    this.#owner.finished(this)
    return true
  }
}

const listOf = (headers: ReceivedHeaders | undefined): HeaderList =>
  headers?.keys().map((name): readonly [string, string] => [name, headers.get(name)]) ?? []

export class FastReceiver {
  readonly #options: FastReceiverOptions
  readonly #held = new Map<string, FastDelivery>()
  readonly #idle: Array<() => void> = []
  readonly #timer: ReturnType<typeof setInterval>
  #lookedAt = performance.now()
  /** This process stood still, and has not read all that came meanwhile. */
  #isStale = false
  #subscription: ReturnType<Log["connection"]["subscribe"]> | undefined
  readonly #owner: LaneOwner = {
    finished: ({ key }) => {
      this.#held.delete(key)
      if (this.#held.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    },
    queue: (delivery) => this.#queue(delivery),
  }

  constructor(options: FastReceiverOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), LOOK_MILLIS)
  }

  /** Takes requests from now on. */
  open(onDelivery: (delivery: Delivery, names: ModelAndId) => void): void {
    this.#subscription = this.#options.log.connection.subscribe(ALL_FAST, {
      queue: PREDICTOR,
      callback: (error, message) => {
        if (error === null) this.#receive(message, onDelivery)
      },
    })
  }

  /** Requests that are held unfinished. */
  get size(): number {
    return this.#held.size
  }

  /** Whether a delivery of the queue is a request that is held here, whose end is then its own. */
  takesOver(delivery: Delivery): boolean {
    const held = this.#held.size === 0 ? undefined : this.#held.get(keyOf(delivery.subject))
    if (held === undefined) return false
    held.queued?.done()
    held.queued = delivery
    return true
  }

  /** Takes no more, and resolves when all that was taken is finished. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#subscription?.drain().catch(() => undefined)
    if (this.#held.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#idle.push(resolve)
    await promise
  }

  /**
   * After this process stood still, what comes before the server's answer to a question is old: its
   * senders have queued it, or have told their callers that they wait in vain.
   */
  #look(): void {
    const now = performance.now()
    const stood = now - this.#lookedAt
    this.#lookedAt = now
    if (stood <= STALL_MAX_MILLIS || this.#isStale) return
    this.#isStale = true
    const fresh = () => {
      this.#isStale = false
    }
    void this.#options.log.connection.flush().then(fresh, fresh)
  }

  #receive(message: Message, onDelivery: (delivery: Delivery, names: ModelAndId) => void): void {
    this.#look()
    const names = modelAndId(message.subject)
    const key = keyOf(message.subject)
    // Old, sent twice, or under a name that nobody can wait for: whoever sent it queues it.
    if (this.#isStale || names === undefined || this.#held.has(key)) return
    let delivery: FastDelivery
    try {
      delivery = new FastDelivery(key, names, message, this.#options.now(), this.#owner)
    } catch {
      return
    }
    if (this.#held.size >= this.#options.limit()) {
      this.#queue(delivery)
      return
    }
    this.#held.set(key, delivery)
    try {
      onDelivery(delivery, names)
    } catch (cause) {
      // Thrown in here it would end the client's reading and leave a deaf process.
      queueMicrotask(() => {
        throw cause
      })
    }
  }

  #queue({ names, data, headers }: FastDelivery): void {
    this.#options.onQueued()
    // Where it cannot be sent, its sender queues it.
    this.#options.log.publisher.send(requestSubject(names.model, names.id), data, listOf(headers))
  }
}

/** `<model>.<id>`, of `weir.fast.<model>.<id>` and of `weir.request.<model>.<id>`. */
const keyOf = (subject: string): string =>
  subject.slice(subject.indexOf(".", subject.indexOf(".") + 1) + 1)
