// Counts for `show calibration`: how often each test cries without a change, held against the
// binomial band of its α, and how often it sees each of five changes.
import { numericFeature } from "#core/statistics/feature"
import { seededRandom, seedOf } from "#core/statistics/seeded-random"
import { testFeature, type TestName } from "#core/statistics/univariate"
import { logBinomial } from "#core/statistics/gamma"
import { drawSample, UNCHANGED, type Sample, type SampleKind, type Shift } from "./samples.ts"
import { POWER_TESTS, testNamed, TESTS, type CalibratedTest } from "./tests.ts"

export const ALPHAS = [0.05, 0.01] as const
const ALPHA = ALPHAS[0]
/** Of the band; half of the rest lies below it, half above. */
const BAND = 0.99

/** The smallest count that binomial counts exceed with at most `1 - share`. */
const binomialQuantile = (trials: number, p: number, share: number): number => {
  let below = 0
  for (let count = 0; count <= trials; count++) {
    below += Math.exp(
      logBinomial(trials, count) + count * Math.log(p) + (trials - count) * Math.log1p(-p),
    )
    if (below >= share) return count
  }
  return trials
}

export const binomialBand = (trials: number, p: number) => ({
  low: binomialQuantile(trials, p, (1 - BAND) / 2),
  high: binomialQuantile(trials, p, (1 + BAND) / 2),
})

export interface Alarms {
  readonly test: CalibratedTest
  /** One per α. */
  readonly counts: ReadonlyArray<number>
  readonly holds: boolean
}

const randomOf = (seed: number, words: string) => seededRandom(seedOf(`${seed} ${words}`))

/** False alarms of every test over so many windows; each window has a reference of its own. */
export const countAlarms = (
  windows: number,
  seed: number,
  onTest: (alarms: Alarms) => void,
): ReadonlyArray<Alarms> =>
  TESTS.map((test) => {
    const draw = UNCHANGED[test.kind]
    const pvalues = Float64Array.from({ length: windows }, (_, number) => {
      const random = randomOf(seed, `${test.kind} ${number}`)
      return test.solve(drawSample(random, draw, draw), number)
    })
    const counts = ALPHAS.map((alpha) => pvalues.filter((p) => p < alpha).length)
    const holds = ALPHAS.every((alpha, i) => {
      const { low, high } = binomialBand(windows, alpha)
      const count = counts[i] ?? 0
      return count <= high && (count >= low || test.counts === true)
    })
    const alarms = { test, counts, holds }
    onTest(alarms)
    return alarms
  })

/** Distances have no α: how often a window without a change is as far as users' thresholds. */
export const DISTANCES: ReadonlyArray<readonly [test: TestName, least: number, kind: SampleKind]> =
  [
    ["psi", 0.1, "number"],
    ["psi-evidently", 0.1, "number"],
    ["jensen-shannon", 0.1, "number"],
    ["wasserstein-normed", 0.1, "number"],
    ["psi", 0.1, "category"],
    ["jensen-shannon", 0.1, "category"],
  ]

export const countDistances = (windows: number, seed: number): ReadonlyArray<number> =>
  DISTANCES.map(([test, least, kind]) => {
    const draw = UNCHANGED[kind]
    let count = 0
    for (let number = 0; number < windows; number++) {
      const random = randomOf(seed, `${kind} ${number}`)
      const { reference, window } = drawSample(random, draw, draw)
      const [x, y] = [reference[0] ?? new Float64Array(), window[0] ?? new Float64Array()]
      if (testFeature(test, numericFeature(x), numericFeature(y)).statistic >= least) count++
    }
    return count
  })

export interface Power {
  readonly shift: Shift
  readonly samples: ReadonlyArray<Sample>
  /** Per test, whether it saw the change in each sample. */
  readonly seen: ReadonlyMap<string, ReadonlyArray<boolean>>
}

export const sees = (pvalue: number): boolean => pvalue < ALPHA

/** So many samples of a change, and which tests see it. */
export const countPower = (shift: Shift, repetitions: number, seed: number): Power => {
  const samples = Array.from({ length: repetitions }, (_, number) =>
    drawSample(randomOf(seed, `${shift.name} ${number}`), shift.before, shift.after),
  )
  const seen = new Map(
    POWER_TESTS[shift.kind].map((name) => {
      const { solve } = testNamed(name)
      return [name, samples.map((sample, number) => sees(solve(sample, number)))] as const
    }),
  )
  return { shift, samples, seen }
}
