// Whether the Retry-After of each refusal was true, by what the queue did afterwards.
import { drainFrom, type Look } from "./queue-watch.ts"
import { expected, quantile, type Figures } from "./figures.ts"
import type { Sample } from "./open-loop.ts"

/** Retry-After may be so many times too long or too short. */
export const RETRY_AFTER_FACTOR = 2
/** So many refusals may be wrong by the machine's doing; more than that is no forecast. */
export const UNSTEADY_SHARE_MAX = 0.25

export interface Told {
  /** Retry-After over the real drain time. */
  readonly ratio: number
  /** Over what it would have been had the machine gone on as before; undefined where unknown. */
  readonly steadyRatio: number | undefined
}

export interface Truth {
  readonly told: ReadonlyArray<Told>
  readonly refusals: number
  readonly withoutRetryAfter: number
}

/**
 * A forecast over what came true. Retry-After is a forecast in whole seconds, rounded up: of the
 * second below it, the moment nearest to the truth counts.
 */
export const ratioOf = (retryAfterSeconds: number, millis: number): number => {
  const seconds = millis / 1_000
  if (retryAfterSeconds <= seconds) return retryAfterSeconds / seconds
  return Math.max(1, (retryAfterSeconds - 1) / seconds)
}

export const truthOf = (samples: ReadonlyArray<Sample>, looks: ReadonlyArray<Look>): Truth => {
  const refusals = samples.filter(({ status }) => status === 429)
  const told = refusals.flatMap(({ endedAt, retryAfterSeconds }) => {
    const drain = drainFrom(looks, endedAt)
    if (drain === undefined || retryAfterSeconds === undefined) return []
    const { realMillis, steadyMillis } = drain
    const steadyRatio =
      steadyMillis === undefined ? undefined : ratioOf(retryAfterSeconds, steadyMillis)
    return [{ ratio: ratioOf(retryAfterSeconds, realMillis), steadyRatio }]
  })
  const withoutRetryAfter = refusals.filter(
    ({ retryAfterSeconds }) => !((retryAfterSeconds ?? 0) >= 1),
  ).length
  return { told, refusals: refusals.length, withoutRetryAfter }
}

const isRight = (ratio: number | undefined) =>
  ratio !== undefined && ratio <= RETRY_AFTER_FACTOR && ratio >= 1 / RETRY_AFTER_FACTOR

const countsOf = ({ told }: Truth) => {
  const off = told.filter(({ ratio }) => !isRight(ratio))
  return { off: off.length, wrong: off.filter((one) => !isRight(one.steadyRatio)).length }
}

export const brokenTruth = (truth: Truth): ReadonlyArray<string> => {
  const { told, refusals, withoutRetryAfter } = truth
  const { off, wrong } = countsOf(truth)
  return [
    ...(refusals > 0 ? [] : ["nothing was refused: the load was no overload"]),
    ...expected(withoutRetryAfter, 0, "refusals without Retry-After"),
    ...expected(refusals - told.length, 0, "refusals whose drain time is not known"),
    ...expected(wrong, 0, `Retry-After off by more than ${RETRY_AFTER_FACTOR} times`),
    ...(off <= told.length * UNSTEADY_SHARE_MAX
      ? []
      : [`${off} of ${told.length} Retry-After not what came true`]),
  ]
}

export const truthFigures = (truth: Truth): Figures => {
  const { off, wrong } = countsOf(truth)
  const spread = (ratios: ReadonlyArray<number>) =>
    [0, 0.5, 1].map((part) => quantile(ratios, part).toFixed(2)).join(", ")
  const steady = truth.told.flatMap(({ steadyRatio }) => steadyRatio ?? [])
  return [
    [
      "Retry-After over the real drain: least, median, most",
      spread(truth.told.map((one) => one.ratio)),
    ],
    ["the same had the machine kept its pace", spread(steady)],
    [
      `off by more than ${RETRY_AFTER_FACTOR} times; of them not by the machine`,
      `${off}; ${wrong}`,
    ],
  ]
}
