// Whether drift tests cry as often as their α says and see what changed, beside SciPy and
// alibi-detect on the same samples. It starts no system and writes nothing.
import {
  ALPHAS,
  binomialBand,
  countAlarms,
  countDistances,
  countPower,
  DISTANCES,
  sees,
  type Alarms,
  type Power,
} from "../calibration/count.ts"
import { askPython, findPython, type Answers, type Python } from "../calibration/python.ts"
import { REFERENCE_ROWS, SHIFTS, WINDOW_ROWS } from "../calibration/samples.ts"
import { testNamed } from "../calibration/tests.ts"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { table } from "../table.ts"
import type { Show } from "../show.ts"

const WINDOWS = 2_000
const REPETITIONS = 500
const ALIBI_REPETITIONS = 100
const SEED = 1
/** SciPy and Weir compute one test: where their p-values lie on two sides of α, one is wrong. */
const SAME_VERDICTS_MIN = 1

const flags = {
  windows: { value: "N", help: `windows without a change (default ${WINDOWS})` },
  repetitions: { value: "N", help: `samples of each change (default ${REPETITIONS})` },
  seed: { value: "N", help: `of all samples (default ${SEED})` },
  markdown: { help: "tables as Markdown, for a page" },
} as const

export interface CalibrationOptions {
  readonly windows: number
  readonly repetitions: number
  readonly seed: number
  readonly markdown: boolean
  readonly python: Python | undefined
  readonly say: (line: string) => void
}

type Row = ReadonlyArray<string>

const shown = (markdown: boolean, heads: Row, rows: ReadonlyArray<Row>): string => {
  if (!markdown)
    return table(
      heads.map((name, at) => ({ name, align: at < 2 ? "left" : "right" })),
      rows,
    )
  const line = (cells: Row) => `| ${cells.join(" | ")} |`
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n")
}

const percent = (count: number, of: number): string => `${((100 * count) / of).toFixed(1)} %`

const alarmRows = (all: ReadonlyArray<Alarms>, windows: number): ReadonlyArray<Row> =>
  all.map(({ test, counts, holds }) => [
    test.title,
    ...counts.map((count) => `${count} (${percent(count, windows)})`),
    holds ? (test.counts === true ? "yes, at most α" : "yes") : "NO",
  ])

const alarmHeads = (windows: number): Row => [
  "test",
  ...ALPHAS.map((alpha) => {
    const { low, high } = binomialBand(windows, alpha)
    return `alarms at α = ${alpha}, band ${low} to ${high}`
  }),
  "within",
]

const trues = (seen: ReadonlyArray<boolean>): number => seen.filter(Boolean).length

interface PowerRow {
  readonly cells: Row
  /** Share of the samples in which SciPy gave the same verdict. */
  readonly same: number
}

const powerRows = ({ shift, seen }: Power, answers: Answers | undefined) =>
  [...seen].map(([name, own]): PowerRow => {
    const scipy = answers?.scipy[name]?.map(sees)
    const alibi = answers?.alibi[name]?.map((verdict) => verdict === 1)
    const same =
      scipy === undefined ? 1 : trues(scipy.map((one, i) => one === own[i])) / scipy.length
    const first = own.slice(0, alibi?.length ?? 0)
    const cells = [
      shift.title,
      testNamed(name).title,
      percent(trues(own), own.length),
      scipy === undefined ? "–" : percent(trues(scipy), scipy.length),
      scipy === undefined ? "–" : percent(same, 1),
      alibi === undefined ? "–" : percent(trues(first), first.length),
      alibi === undefined ? "–" : percent(trues(alibi), alibi.length),
    ]
    return { cells, same }
  })

const falseAlarms = (options: CalibrationOptions): ReadonlyArray<string> => {
  const { windows, seed, markdown, say } = options
  say(
    `${windows} windows of ${WINDOW_ROWS} rows without a change, each against ${REFERENCE_ROWS} ` +
      "rows of its own\n",
  )
  const alarms = countAlarms(windows, seed, () => undefined)
  say(shown(markdown, alarmHeads(windows), alarmRows(alarms, windows)))
  const far = countDistances(windows, seed).map((count, i) => {
    const [test, least, kind] = DISTANCES[i] ?? ["psi", 0, "number"]
    return [`${test}, ${kind}`, `≥ ${least}`, percent(count, windows)]
  })
  say("\nDistances have no α: windows without a change that pass the usual threshold\n")
  say(shown(markdown, ["distance", "threshold", "windows beyond"], far))
  return alarms
    .filter(({ holds }) => !holds)
    .map(({ test, counts }) => `${test.title} cried ${counts.join(" and ")} times`)
}

const power = async (options: CalibrationOptions): Promise<ReadonlyArray<string>> => {
  const { repetitions, seed, markdown, python, say } = options
  const rows: Array<PowerRow> = []
  for (const shift of SHIFTS) {
    const found = countPower(shift, repetitions, seed)
    const first = Math.min(repetitions, ALIBI_REPETITIONS)
    const answers =
      python === undefined ? undefined : await askPython(python, shift, found.samples, first)
    rows.push(...powerRows(found, answers))
  }
  const heads = ["change", "test", "Weir", "SciPy", "same verdict", "Weir, first 100"]
  say(`\nPower at α = ${ALPHAS[0]}: the share of ${repetitions} changed windows that are seen`)
  const alibi = python?.alibi === undefined ? "" : `, alibi-detect ${python.alibi} on the first 100`
  say(
    python === undefined
      ? "no Python with SciPy here: ./weir bench drift --setup gets one with alibi-detect too\n"
      : `SciPy ${python.scipy} on the same windows${alibi}\n`,
  )
  say(
    shown(
      markdown,
      [...heads, "alibi-detect, 100"],
      rows.map(({ cells }) => cells),
    ),
  )
  return rows
    .filter(({ same }) => same < SAME_VERDICTS_MIN)
    .map(({ cells: [shift = "", test = ""], same }) => {
      return `${test}, ${shift}: SciPy says otherwise in ${percent(1 - same, 1)}`
    })
}

/** Prints both tables; resolves with what does not hold. */
export const runCalibration = async (
  options: CalibrationOptions,
): Promise<ReadonlyArray<string>> => [...falseAlarms(options), ...(await power(options))]

export const show: Show = {
  summary: "Drift tests cry as often as their α says, and see what changed as SciPy's do",
  usage: `Usage: ./weir show calibration [flags]

Counts the alarms of every drift test over windows without any change, which must lie within the
binomial 99 % band of α (tests of counts: not above it), and over windows with five changes: mean,
scale, tails, shares of categories, correlation alone. SciPy must give each verdict alike; beside
them stands alibi-detect, on 100 windows. Both need Python: WEIR_PYTHON, the environment of
./weir bench drift, or python3 with SciPy; without it Weir's own columns are printed alone.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    const count = (name: "windows" | "repetitions" | "seed", most: number, otherwise: number) =>
      wholeNumber(name, set[name], { least: 1, most, otherwise })
    const broken = await runCalibration({
      windows: count("windows", 100_000, WINDOWS),
      repetitions: count("repetitions", 10_000, REPETITIONS),
      seed: count("seed", 2 ** 31, SEED),
      markdown: switches.has("markdown"),
      python: findPython(),
      say: (line) => console.log(line),
    })
    console.log(broken.length === 0 ? "\nevery promise held" : `\nBROKEN: ${broken.join("; ")}`)
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
