// `bench drift`: the drift tests against alibi-detect and SciPy on the same arrays in one run, what
// they get done beside serving, and what a caller feels of a drift-monitor.
import { quantile } from "../../cli/laboratory/figures.ts"
import type { Bench } from "../bench-command.ts"
import { FEATURES, makeArrays, REFERENCE_ROWS, WINDOW_ROWS } from "../drift/arrays.ts"
import { measureBeside, type Beside, type Compared } from "../drift/beside.ts"
import { measureOwn, type OwnTest, type Timed } from "../drift/own-tests.ts"
import { measurePeers, PEER_TESTS, setUpPeers, type Peers, type PeerTest } from "../drift/peers.ts"
import type { Cell } from "../measure/cell.ts"
import { millis, whole } from "../report/markdown.ts"
import type { Findings, Mark, TextTable } from "../report/report.ts"

interface Pair {
  readonly own: OwnTest
  readonly peer: PeerTest
  /** Ours must take so many times less. */
  readonly must?: number
}

const OWN_TITLES: Readonly<Record<OwnTest, string>> = {
  ks: "KS, reference sorted before",
  "ks-unprepared": "KS, reference sorted each time",
  "ks-exact": "KS exact, reference sorted before",
  anderson: "Anderson-Darling, reference sorted before",
  "anderson-unprepared": "Anderson-Darling, reference sorted each time",
  mmd: "MMD in float64, kernel of the reference kept",
  "mmd-unprepared": "MMD in float64, nothing kept",
  "mmd-graph": "MMD as one ONNX graph in float32",
}

const PAIRS: ReadonlyArray<Pair> = [
  { own: "ks", peer: "alibi-ks", must: 5 },
  { own: "ks-unprepared", peer: "alibi-ks" },
  { own: "ks", peer: "scipy-ks", must: 5 },
  { own: "ks-exact", peer: "scipy-ks-exact" },
  { own: "anderson", peer: "scipy-anderson", must: 5 },
  { own: "anderson-unprepared", peer: "scipy-anderson" },
  { own: "mmd-graph", peer: "alibi-mmd", must: 30 },
  { own: "mmd", peer: "alibi-mmd", must: 30 },
  { own: "mmd-unprepared", peer: "alibi-mmd" },
]

/** alibi-detect answers in 32-bit floats; p of a permutation test depends on its permutations. */
const STATISTIC_TOLERANCE = 1e-6
const RATE_MUST = 5_000
const SLOWER_MUST = 1.3
const SLOWER_AIM = 1.1

const medianOf = ({ millis: rounds }: Timed): number => quantile(rounds, 0.5)

const differs = (own: Timed, peer: Timed): number =>
  own.answer.reduce(
    (most, [statistic], i) => Math.max(most, Math.abs(statistic - (peer.answer[i]?.[0] ?? NaN))),
    0,
  )

const comparison = (own: Readonly<Record<OwnTest, Timed>>, peers: Peers) => {
  const all = PAIRS.map((pair) => {
    const theirs = peers.kind === "measured" ? peers.tests[pair.peer] : undefined
    const ours = own[pair.own]
    return theirs === undefined
      ? { ...pair, ours, theirs, ratio: NaN, gap: NaN }
      : {
          ...pair,
          ours,
          theirs,
          ratio: medianOf(theirs) / medianOf(ours),
          gap: differs(ours, theirs),
        }
  })
  const rows = all.map(({ own: name, peer, ours, theirs, ratio, gap }) => [
    OWN_TITLES[name],
    millis(medianOf(ours)),
    PEER_TESTS[peer],
    theirs === undefined ? "not measured" : millis(medianOf(theirs)),
    theirs === undefined ? "" : `${ratio.toFixed(1)}×`,
    theirs === undefined ? "" : gap.toExponential(0),
  ])
  const marks = all.flatMap(({ own: name, peer, must, theirs, ratio, gap }): ReadonlyArray<Mark> =>
    must === undefined || theirs === undefined
      ? []
      : [
          {
            figure: `${OWN_TITLES[name]}, against ${PEER_TESTS[peer]}`,
            got: `${ratio.toFixed(1)}×`,
            must: { text: `≥ ${must}×`, held: ratio >= must && gap <= STATISTIC_TOLERANCE },
          },
        ],
  )
  const sizes = `${REFERENCE_ROWS} × ${FEATURES} reference, ${WINDOW_ROWS} rows a window`
  const table: TextTable = {
    title: `The same arrays: ${sizes}`,
    columns: ["Weir", "ms", "against", "ms", "ratio", "statistics differ by"],
    rows,
  }
  return { table, marks }
}

const p99Of = (cells: ReadonlyArray<Cell>): number =>
  quantile(
    cells.map(({ latency }) => latency.p99),
    0.5,
  )

const ratioOf = ({ without, beside }: Compared): number => p99Of(beside) / p99Of(without)

const besideTable = (compared: ReadonlyArray<Compared>): TextTable => ({
  title: "p99 of /predict, ms: median (each round)",
  columns: ["load", "alone", "with drift-monitor", "ratio", "rows/s tested meanwhile"],
  rows: compared.map((one) => {
    const text = (cells: ReadonlyArray<Cell>) =>
      `${millis(p99Of(cells))} (${cells.map(({ latency }) => millis(latency.p99)).join(", ")})`
    const tested = whole(one.rowsPerSecond)
    return [one.load, text(one.without), text(one.beside), `${ratioOf(one).toFixed(2)}×`, tested]
  }),
})

const besideMarks = ({ evaluated, compared }: Beside): ReadonlyArray<Mark> => [
  {
    figure: `rows a core-second through KS, Anderson-Darling and MMD beside ${evaluated.cell.load}`,
    got: `${whole(evaluated.rowsPerCoreSecond)} (${whole(evaluated.rowsPerSecond)}/s by the clock)`,
    must: { text: `≥ ${whole(RATE_MUST)}`, held: evaluated.rowsPerCoreSecond >= RATE_MUST },
  },
  ...compared.map((one): Mark => {
    const ratio = ratioOf(one)
    return {
      figure: `p99 at ${one.load} with a drift-monitor beside it`,
      got: `${ratio.toFixed(2)}×`,
      must: { text: `≤ ${SLOWER_MUST}×`, held: ratio <= SLOWER_MUST },
      aim: { text: `≤ ${SLOWER_AIM}×`, held: ratio <= SLOWER_AIM },
    }
  }),
]

const NOTES = [
  "A reference is prepared once and kept, as the drift-monitor does; alibi-detect prepares its " +
    "detector before, too. The lines without say what it costs otherwise.",
  "alibi-detect and SciPy run as they come, on as many threads as they take; Weir on one.",
]

const nothing: Findings = {
  name: "drift",
  title: "Drift detection",
  cells: [],
  tables: [],
  marks: [],
  notes: [],
}

export const drift: Bench = {
  name: "drift",
  summary: "The drift tests against alibi-detect and SciPy, and beside serving",
  run: async (options) => {
    if (options.setUpOnly) {
      const found = await setUpPeers(options.say)
      const word = found.kind === "ready" ? "ready to be measured" : found.reason
      return { ...nothing, notes: [`alibi-detect and SciPy: ${word}`] }
    }
    const arrays = makeArrays()
    const own = await measureOwn(arrays)
    const peers = await measurePeers(arrays, options.say)
    const { table, marks } = comparison(own, peers)
    options.say("  the tests alone are done")
    const beside = await measureBeside(options)
    const missing = peers.kind === "missing" ? [`alibi-detect and SciPy: ${peers.reason}`] : []
    return {
      ...nothing,
      cells: [
        beside.saturated,
        beside.evaluated.cell,
        ...beside.compared.flatMap(({ without, beside: watched }) => [...without, ...watched]),
      ],
      tables: [table, besideTable(beside.compared)],
      marks: [...marks, ...besideMarks(beside)],
      notes: [...missing, ...NOTES],
    }
  },
}
