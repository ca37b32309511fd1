// How fast the queue drains, for a forecast of some seconds: a mean over about as long as is
// forecast, because what a machine does within one second says little of the next five, and
// requests are finished a batch at a time.

/** Of the order of the times that callers are told to wait. */
const WINDOW_MILLIS = 8_000
/** A rate that has fallen below a part of that mean is believed after so long. */
const RECENT_MILLIS = 2_000
const FALLEN_SHARE = 0.5
/**
 * Fewer looks that saw progress say more of the moment a batch ended than of the rate; slow work is
 * looked at for longer.
 */
const PROGRESS_LOOKS_MIN = 4
const WINDOW_MAX_MILLIS = 30_000

interface Span {
  readonly millis: number
  readonly drained: number
}

/** A mean over the spans in which there was work; those without are to be left out. */
export class DrainRate {
  #spans: ReadonlyArray<Span> = []
  #perSecond: number | undefined

  /** Requests a second; undefined before any was seen to be finished. */
  get perSecond(): number | undefined {
    return this.#perSecond
  }

  /** So many requests were finished in a span during which there was always one to finish. */
  add(millis: number, drained: number): void {
    if (millis <= 0) return
    this.#spans = within([...this.#spans, { millis, drained }], WINDOW_MAX_MILLIS, Infinity)
    const mean = meanOf(within(this.#spans, WINDOW_MILLIS, PROGRESS_LOOKS_MIN))
    const recent = meanOf(within(this.#spans, RECENT_MILLIS, PROGRESS_LOOKS_MIN))
    const next = recent < FALLEN_SHARE * mean ? recent : mean
    // Where nothing at all was finished the last that was known is better than no end.
    if (next > 0) this.#perSecond = next
  }
}

/** The newest spans that reach back so far and show so much progress, but no further than all. */
const within = (
  spans: ReadonlyArray<Span>,
  millisMin: number,
  progressMin: number,
): ReadonlyArray<Span> => {
  let millis = 0
  let progress = 0
  let from = spans.length
  for (; from > 0 && millis < WINDOW_MAX_MILLIS; from--) {
    const span = spans[from - 1]
    if (span === undefined || (millis >= millisMin && progress >= progressMin)) break
    millis += span.millis
    if (span.drained > 0) progress++
  }
  return spans.slice(from)
}

const meanOf = (spans: ReadonlyArray<Span>): number => {
  let millis = 0
  let drained = 0
  for (const span of spans) {
    millis += span.millis
    drained += span.drained
  }
  return millis === 0 ? 0 : (drained * 1_000) / millis
}
