// How many requests a predictor holds, and that the server knows they are alive. A fast model wants
// many at hand; a slow one only what is finished soon, because what a killed process holds waits
// for its first redelivery.
import type { Delivery } from "../core/log/delivery.ts"

/** Weight of the newest measurement of the time that a request takes. */
const SMOOTHING = 0.2
/** Fewer would leave a worker idle between two batches. */
const HELD_MIN = 8
/** At first, doubled with each batch: the first requests of a cold process are its slowest. */
const HELD_AT_FIRST = 128
/** `working` is sent this many times within the shortest redelivery wait. */
const SIGNS_PER_WAIT = 4
const MICROS_PER_MILLI = 1_000

export interface HoldingOptions {
  readonly max: number
  /** Milliseconds of work that may be held. */
  readonly targetMillis: number
  /** Milliseconds after which the server delivers a request again unless it hears of it. */
  readonly redeliveryMillis: number
  /** Milliseconds after which a request is given up to redelivery although it is still held. */
  readonly heldMaxMillis: number
  /** Milliseconds of a steady clock. */
  readonly now: () => number
}

interface Held {
  readonly delivery: Delivery
  readonly since: number
}

export class Holding {
  readonly #options: HoldingOptions
  readonly #held = new Map<number, Held>()
  #limit: number
  readonly #timer: ReturnType<typeof setInterval>
  readonly #interval: number
  #itemMicros: number | undefined
  #listener: ((limit: number) => void) | undefined

  constructor(options: HoldingOptions) {
    this.#options = options
    this.#limit = Math.min(options.max, HELD_AT_FIRST)
    this.#interval = Math.max(10, Math.floor(options.redeliveryMillis / SIGNS_PER_WAIT))
    this.#timer = setInterval(() => this.#signs(), this.#interval)
  }

  get max(): number {
    return this.#options.max
  }

  /** How many may be held now. */
  get limit(): number {
    return this.#limit
  }

  get size(): number {
    return this.#held.size
  }

  /** Calls back with the number of requests that may be held now. */
  onLimit(listener: (limit: number) => void): void {
    this.#listener = listener
  }

  /** Whether an earlier delivery of the same request is held; its end will be the end of both. */
  isHeld({ sequence }: Delivery): boolean {
    return this.#held.has(sequence)
  }

  /** Keeps a delivery alive at the server until it is forgotten. */
  track(delivery: Delivery): void {
    this.#held.set(delivery.sequence, { delivery, since: this.#options.now() })
  }

  /** Of a finished delivery; one that was never tracked changes nothing. */
  forget(delivery: Delivery): void {
    if (this.#held.get(delivery.sequence)?.delivery === delivery)
      this.#held.delete(delivery.sequence)
  }

  /** Tells how long a batch took, in microseconds. */
  finished(items: number, micros: number): void {
    const one = micros / items
    this.#itemMicros =
      this.#itemMicros === undefined ? one : this.#itemMicros + (one - this.#itemMicros) * SMOOTHING
    const { max, targetMillis } = this.#options
    const affordable = Math.floor((targetMillis * MICROS_PER_MILLI) / Math.max(1, this.#itemMicros))
    this.#limit = Math.min(max, 2 * this.#limit, Math.max(HELD_MIN, affordable))
    this.#listener?.(this.#limit)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #signs(): void {
    const now = this.#options.now()
    for (const { since, delivery } of this.#held.values()) {
      const age = now - since
      // A young one is heard of in time at the next turn, if it is still held then.
      if (age >= this.#interval / 2 && age < this.#options.heldMaxMillis) delivery.working()
    }
  }
}
