// How many of a thing may be open here at once: in all, and of any one caller, so that nobody takes
// all of it. Without keys there is no telling callers apart, and only the first holds.
import type { Caller } from "./caller.ts"

export interface SeatLimits {
  readonly max: number
  /** Of one caller, by all of its keys together. */
  readonly perCaller: number
}

export interface Seat {
  readonly kind: "seat"
  /** May be called again. */
  readonly leave: () => void
}

/** No seat is left: of all, or of this caller. */
export interface NoSeat {
  readonly kind: "taken"
  /** The limit that was reached, in words. */
  readonly limit: string
}

export class Seats {
  readonly #limits: SeatLimits
  readonly #byCaller = new Map<string, number>()
  #taken = 0

  constructor(limits: SeatLimits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#taken
  }

  take({ name }: Pick<Caller, "name">): Seat | NoSeat {
    const { max, perCaller } = this.#limits
    if (this.#taken >= max) return { kind: "taken", limit: `${max} at once` }
    const own = name === undefined ? 0 : (this.#byCaller.get(name) ?? 0)
    if (own >= perCaller) return { kind: "taken", limit: `${perCaller} of one caller at once` }
    this.#taken++
    if (name !== undefined) this.#byCaller.set(name, own + 1)
    let isOpen = true
    const leave = () => {
      if (!isOpen) return
      isOpen = false
      this.#leave(name)
    }
    return { kind: "seat", leave }
  }

  #leave(name: string | undefined): void {
    this.#taken--
    if (name === undefined) return
    const own = (this.#byCaller.get(name) ?? 0) - 1
    if (own > 0) this.#byCaller.set(name, own)
    else this.#byCaller.delete(name)
  }
}
