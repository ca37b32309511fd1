// Requests that come beside the queue, straight from a gateway that waits for their facts. Nothing
// holds them but this process: whoever sent one queues it when its fact does not come soon. What
// cannot be begun here goes into the queue at once.
import type { Delivery } from "../core/log/delivery.ts"
import type { HeaderList } from "../core/log/header-list.ts"
import type { Log } from "../core/log/log.ts"
import { receivedHeaders, type ReceivedHeaders } from "../core/log/received-headers.ts"
import { ALL_FAST, modelAndId, PREDICTOR, requestSubject } from "../proto/subjects.ts"

type Message = Parameters<typeof receivedHeaders>[0]

export interface FastLaneOptions {
  readonly log: Log
  /** Most requests that are held unfinished. */
  readonly limit: () => number
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
  /** The same request from the queue, whose end is the end of this one. */
  queued: Delivery | undefined
  readonly #owner: LaneOwner
  #finished = false

  constructor(key: string, message: Message, storedAt: number, owner: LaneOwner) {
    this.key = key
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

export class FastLane {
  readonly #options: FastLaneOptions
  readonly #held = new Map<string, FastDelivery>()
  readonly #idle: Array<() => void> = []
  #subscription: ReturnType<Log["connection"]["subscribe"]> | undefined
  readonly #owner: LaneOwner = {
    finished: ({ key }) => {
      this.#held.delete(key)
      if (this.#held.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    },
    queue: (delivery) => this.#queue(delivery),
  }

  constructor(options: FastLaneOptions) {
    this.#options = options
  }

  /** Takes requests from now on. */
  open(onDelivery: (delivery: Delivery) => void): void {
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
    const held = this.#held.get(keyOf(delivery.subject))
    if (held === undefined) return false
    held.queued = delivery
    return true
  }

  /** Takes no more, and resolves when all that was taken is finished. */
  async stop(): Promise<void> {
    await this.#subscription?.drain().catch(() => undefined)
    if (this.#held.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#idle.push(resolve)
    await promise
  }

  #receive(message: Message, onDelivery: (delivery: Delivery) => void): void {
    const key = keyOf(message.subject)
    // Sent twice, or under a name that nobody can wait for: whoever sent it queues it.
    if (this.#held.has(key) || modelAndId(message.subject) === undefined) return
    let delivery: FastDelivery
    try {
      delivery = new FastDelivery(key, message, this.#options.now(), this.#owner)
    } catch {
      return
    }
    if (this.#held.size >= this.#options.limit()) {
      this.#queue(delivery)
      return
    }
    this.#held.set(key, delivery)
    try {
      onDelivery(delivery)
    } catch (cause) {
      // Thrown in here it would end the client's reading and leave a deaf process.
      queueMicrotask(() => {
        throw cause
      })
    }
  }

  #queue({ subject, data, headers }: FastDelivery): void {
    const names = modelAndId(subject)
    if (names === undefined) return
    // Where it cannot be sent, its sender queues it.
    this.#options.log.publisher.send(requestSubject(names.model, names.id), data, listOf(headers))
  }
}

/** `<model>.<id>`, of the lane's subject and of the queue's. */
const keyOf = (subject: string): string => subject.slice(subject.indexOf(".", 5) + 1)
