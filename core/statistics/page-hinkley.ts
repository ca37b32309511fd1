// Page-Hinkley (Page 1954): cumulated deviations from the fading mean, up, down or both, as river
// 0.26.1 has it.
import { reading, RunningMean, type StreamDetector } from "./stream-detector.ts"

export interface PageHinkleyOptions {
  readonly instancesMin?: number
  /** Deviation that is tolerated, in units of the value. */
  readonly delta?: number
  readonly threshold?: number
  /** Forgetting factor, 0 to 1. */
  readonly alpha?: number
  readonly mode?: "up" | "down" | "both"
}

export class PageHinkley implements StreamDetector {
  drift = false
  #mean = new RunningMean()
  #up = 0
  #down = 0
  #lowest = Infinity
  #highest = -1
  readonly #instancesMin: number
  readonly #delta: number
  readonly #threshold: number
  readonly #alpha: number
  readonly #mode: "up" | "down" | "both"

  constructor(options: PageHinkleyOptions = {}) {
    this.#instancesMin = options.instancesMin ?? 30
    this.#delta = options.delta ?? 0.005
    this.#threshold = options.threshold ?? 50
    this.#alpha = options.alpha ?? 1 - 0.0001
    this.#mode = options.mode ?? "both"
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#mean.update(value)
    const deviation = value - this.#mean.mean
    this.#up = this.#alpha * this.#up + deviation - this.#delta
    this.#down = this.#alpha * this.#down + deviation + this.#delta
    this.#lowest = Math.min(this.#lowest, this.#up)
    this.#highest = Math.max(this.#highest, this.#down)
    if (this.#mean.n < this.#instancesMin) return
    const risen = this.#up - this.#lowest > this.#threshold
    const fallen = this.#highest - this.#down > this.#threshold
    this.drift = (risen && this.#mode !== "down") || (fallen && this.#mode !== "up")
  }

  save(): ReadonlyArray<number> {
    const sums = [this.#up, this.#down, this.#lowest, this.#highest]
    return [Number(this.drift), ...this.#mean.save(), ...sums]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, flag } = reading(saved)
    this.drift = flag()
    this.#mean = RunningMean.from(next)
    this.#up = next()
    this.#down = next()
    this.#lowest = next()
    this.#highest = next()
  }

  #reset(): void {
    this.drift = false
    this.#mean = new RunningMean()
    this.#up = 0
    this.#down = 0
    this.#lowest = Infinity
    this.#highest = -1
  }
}
