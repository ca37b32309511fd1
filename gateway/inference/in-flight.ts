// What the requests in flight here may hold together: their number from the head of each on, and
// their bytes from before these are read. It refuses what does not fit; it reads nothing.
import { refuse, type Refusal } from "../http/status.ts"

const BYTES_RETRY_AFTER_SECONDS = 1

export const tooManyBytes = refuse(
  "tooManyInFlight",
  "the requests in flight here are as large as they may be",
  { retryAfterSeconds: BYTES_RETRY_AFTER_SECONDS },
)

/** What one request holds of it; ended once, whatever comes of the request. */
export class Share {
  readonly kind = "share"
  readonly #inFlight: InFlight
  #bytes = 0
  #ended = false

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight
  }

  /** Holds so many bytes from now on; false, and as before, where they do not fit. */
  resize(bytes: number): boolean {
    if (this.#ended || !this.#inFlight.move(bytes - this.#bytes)) return false
    this.#bytes = bytes
    return true
  }

  end(): void {
    if (this.#ended) return
    this.resize(0)
    this.#ended = true
    this.#inFlight.leave()
  }
}

export interface InFlightOptions {
  readonly requestsMax: number
  readonly bytesMax: number
  readonly retryAfterSeconds: () => number
}

export class InFlight {
  readonly #options: InFlightOptions
  #requests = 0
  #bytes = 0

  constructor(options: InFlightOptions) {
    this.#options = options
  }

  get requests(): number {
    return this.#requests
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes one more request, without bytes yet. */
  begin(): Share | Refusal {
    const { requestsMax, retryAfterSeconds } = this.#options
    if (this.#requests >= requestsMax)
      return refuse("tooManyInFlight", `${requestsMax} requests are in flight here`, {
        retryAfterSeconds: retryAfterSeconds(),
      })
    this.#requests++
    return new Share(this)
  }

  /** For shares alone; false where more bytes do not fit. */
  move(bytes: number): boolean {
    if (bytes > 0 && this.#bytes + bytes > this.#options.bytesMax) return false
    this.#bytes += bytes
    return true
  }

  /** For shares alone. */
  leave(): void {
    this.#requests--
  }
}
