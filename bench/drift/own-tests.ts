// What Weir itself takes for the tests of `bench drift`: a window against a reference that was
// prepared once, as the drift-monitor holds it, and with nothing prepared.
import { openMmdRunner } from "#core/drift/mmd-runner"
import { andersonDarlingSorted } from "#core/statistics/anderson-darling"
import {
  kolmogorovSmirnovSorted,
  type KolmogorovSmirnovMethod,
} from "#core/statistics/kolmogorov-smirnov"
import { mmdByGraph } from "#core/statistics/mmd-graph"
import { drawPermutations, mmd, mmdReference, PERMUTATIONS } from "#core/statistics/mmd"
import { fromFeatures } from "#core/statistics/rows"
import type { Arrays } from "./arrays.ts"

export type Answer = ReadonlyArray<readonly [statistic: number, pvalue: number]>

export interface Timed {
  /** Of each round. */
  readonly millis: ReadonlyArray<number>
  readonly answer: Answer
}

export const OWN_TESTS = [
  "ks",
  "ks-unprepared",
  "ks-exact",
  "anderson",
  "anderson-unprepared",
  "mmd",
  "mmd-unprepared",
  "mmd-graph",
] as const
export type OwnTest = (typeof OWN_TESTS)[number]

const SEED = 1
/** The compiler comes only after so many calls. */
const WARM_UP_ROUNDS = 60
const ROUNDS = 60
const SLOW_ROUNDS = 10

const timed = async (solve: () => Answer | Promise<Answer>, rounds: number): Promise<Timed> => {
  const warmUps = Math.min(WARM_UP_ROUNDS, rounds)
  let answer = await solve()
  for (let round = 1; round < warmUps; round++) answer = await solve()
  const millis: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    answer = await solve()
    millis.push(performance.now() - began)
  }
  return { millis, answer }
}

const pair = (found: { readonly statistic: number; readonly pvalue: number }) =>
  [found.statistic, found.pvalue] as const

type Samples = ReadonlyArray<Float64Array>
const sorted = (samples: Samples): Samples => samples.map((one) => one.toSorted())

const ks =
  (method: KolmogorovSmirnovMethod) =>
  (x: Samples, y: Samples): Answer =>
    x.map((one, i) => pair(kolmogorovSmirnovSorted(one, y[i] ?? one, { method })))

const anderson = (x: Samples, y: Samples): Answer =>
  x.map((one, i) => pair(andersonDarlingSorted([one, y[i] ?? one])))

/** All tests of all features, one round after another; each window is sorted anew. */
export const measureOwn = async (arrays: Arrays): Promise<Readonly<Record<OwnTest, Timed>>> => {
  const { reference, window } = arrays
  const prepared = sorted(reference)
  const [x, y] = [fromFeatures(reference), fromFeatures(window)]
  const known = mmdReference(x)
  const orders = (seed: number) => drawPermutations(x.count, y.count, PERMUTATIONS, seed)
  const found = ({ distance, pvalue }: { readonly distance: number; readonly pvalue: number }) => [
    [distance, pvalue] as const,
  ]
  const runner = openMmdRunner()
  const alibi = { pvalues: "alibi" } as const
  const byGraph = async () => found(await mmdByGraph(known, y, orders(SEED), runner, alibi))
  return {
    ks: await timed(() => ks("asymptotic")(prepared, sorted(window)), ROUNDS),
    "ks-unprepared": await timed(() => ks("asymptotic")(sorted(reference), sorted(window)), ROUNDS),
    "ks-exact": await timed(() => ks("auto")(prepared, sorted(window)), ROUNDS),
    anderson: await timed(() => anderson(prepared, sorted(window)), ROUNDS),
    "anderson-unprepared": await timed(() => anderson(sorted(reference), sorted(window)), ROUNDS),
    mmd: await timed(() => found(mmd(known, y, orders(SEED), alibi)), SLOW_ROUNDS),
    "mmd-unprepared": await timed(
      () => found(mmd(mmdReference(x), y, orders(SEED), alibi)),
      SLOW_ROUNDS,
    ),
    "mmd-graph": await timed(byGraph, SLOW_ROUNDS),
  }
}
