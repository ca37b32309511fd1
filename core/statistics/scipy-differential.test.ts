import { expect, test } from "bun:test"
import { join } from "node:path"
import { Schema } from "effect"
import { andersonDarling } from "./anderson-darling.ts"
import { chiSquaredContingency, gTest } from "./contingency.ts"
import { cramerVonMises } from "./cramer-von-mises.ts"
import { jensenShannon, kullbackLeibler } from "./divergence.ts"
import { fisherExact } from "./fisher.ts"
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { mannWhitney } from "./mann-whitney.ts"
import { seededRandom } from "./seeded-random.ts"
import { studentTest } from "./student.ts"
import { energyDistance, wasserstein } from "./wasserstein.ts"

/** Random samples compared; `WEIR_FUZZ_CASES=2000` is the full run. */
const CASES = Number(Bun.env["WEIR_FUZZ_CASES"] ?? 100)
const SEED = Number(Bun.env["WEIR_FUZZ_SEED"] ?? 1)
const PYTHON = Bun.env["WEIR_PYTHON"] ?? "python3"
/** A p-value may differ by this, relative to itself and in all. */
const RELATIVE = 1e-6
const ABSOLUTE = 1e-9

const hasScipy =
  Bun.which(PYTHON) !== null &&
  Bun.spawnSync([PYTHON, "-c", "import scipy; assert scipy.__version__ >= '1.17'"]).exitCode === 0

/** What stands for NaN on the way from Python, because JSON has no word for it. */
const NAN = -1e300

interface Case {
  readonly x: Float64Array
  readonly y: Float64Array
  readonly table: ReadonlyArray<ReadonlyArray<number>>
}

const draw = (random: () => number): Case => {
  // Each law changes with the size: few rows, some hundred, and now and then thousands.
  const most = () => {
    const kind = random()
    return kind < 0.02 ? 4_000 : kind < 0.2 ? 400 : 40
  }
  const size = () => 2 + Math.floor(most() * random() ** 2)
  const ties = random() < 0.4
  const shift = random() < 0.5 ? 0 : random() - 0.5
  const scale = random() < 0.7 ? 1 : 1 + random()
  const value = (moved: number, scaled: number) => {
    const sum = random() + random() + random() + random() - 2
    const one = moved + scaled * sum
    return ties ? Math.round(one * 4) / 4 : one
  }
  const columns = 2 + Math.floor(random() * 4)
  const counts = () => Array.from({ length: columns }, () => Math.floor(random() ** 2 * 60))
  return {
    x: Float64Array.from({ length: size() }, () => value(0, 1)),
    y: Float64Array.from({ length: size() }, () => value(shift, scale)),
    table: [counts(), counts()],
  }
}

const pair = ({ statistic, pvalue }: { statistic: number; pvalue: number }) => [statistic, pvalue]

const solvers = ({ x, y, table }: Case): Record<string, () => ReadonlyArray<number>> => {
  const filled = (side: 0 | 1) => Float64Array.from(table[side] ?? [], (count) => count + 1)
  const [first, second] = [filled(0), filled(1)] as const
  const all: Record<string, () => ReadonlyArray<number>> = {
    "cramer-von-mises": () => pair(cramerVonMises(x, y)),
    "chi-squared": () => pair(chiSquaredContingency(table)),
    student: () => pair(studentTest(x, y)),
    "g-test": () => pair(gTest(table)),
    "g-test yates": () => pair(gTest(table, true)),
    "jensen-shannon": () => [jensenShannon(first, second), 0],
    "kullback-leibler": () => [kullbackLeibler(first, second), 0],
    wasserstein: () => [wasserstein(x, y), 0],
    energy: () => [energyDistance(x, y), 0],
  }
  for (const alternative of ["two-sided", "less", "greater"] as const) {
    const ks = (method: "exact" | "asymptotic") => () =>
      pair(kolmogorovSmirnov(x, y, { alternative, method }))
    all[`ks ${alternative} exact`] = ks("exact")
    all[`ks ${alternative} asymp`] = ks("asymptotic")
    all[`mann-whitney ${alternative}`] = () => pair(mannWhitney(x, y, { alternative }))
    all[`fisher ${alternative}`] = () => {
      const [[a = 0, b = 0] = [], [c = 0, d = 0] = []] = table
      const { oddsRatio, pvalue } = fisherExact(a, b, c, d, alternative)
      return [oddsRatio, pvalue]
    }
  }
  for (const variant of ["midrank", "right", "continuous"] as const)
    all[`anderson ${variant}`] = () => pair(andersonDarling([x, y], variant))
  return all
}

const solved = (solve: () => ReadonlyArray<number>): ReadonlyArray<number> | null => {
  try {
    return solve()
  } catch {
    return null
  }
}

const Answers = Schema.Array(
  Schema.Record(Schema.String, Schema.NullOr(Schema.Array(Schema.Number))),
)

const ask = (cases: ReadonlyArray<Case>) => {
  const input = cases.map(({ x, y, table }) => [[...x], [...y], table])
  const python = Bun.spawnSync([PYTHON, join(import.meta.dir, "scipy-answers.py")], {
    stdin: Buffer.from(JSON.stringify(input)),
  })
  expect(python.stderr.toString()).toBe("")
  const text = python.stdout.toString()
  // Python writes NaN and Infinity bare, which JSON does not know.
  const quoted = text.replaceAll(/-?Infinity/g, "1e999").replaceAll("NaN", String(NAN))
  return Schema.decodeUnknownSync(Answers)(JSON.parse(quoted))
}

const gap = (got: number, expected: number): number => {
  if (expected === NAN) return Number.isNaN(got) ? 0 : Infinity
  return got === expected ? 0 : Math.abs(got - expected)
}

test.skipIf(!hasScipy)(
  `${CASES} random samples get SciPy's statistic and p-value in every test`,
  () => {
    const random = seededRandom(SEED)
    const cases = Array.from({ length: CASES }, () => draw(random))
    const answers = ask(cases)
    const worst = new Map<string, readonly [number, number]>()
    const wrong: Array<string> = []
    cases.forEach((one, i) => {
      for (const [name, solve] of Object.entries(solvers(one))) {
        const expected = answers[i]?.[name] ?? null
        const got = solved(solve)
        // Where SciPy answers NaN, ours refuses with a reason.
        const refused = expected === null || expected.every((one) => one === NAN)
        if (got === null || expected === null) {
          if (got !== null || !refused) wrong.push(`case ${i} ${name}: ${got}, SciPy ${expected}`)
          continue
        }
        const gaps = got.map((value, k) => gap(value, expected[k]!))
        const [a, b] = worst.get(name) ?? [0, 0]
        worst.set(name, [Math.max(a, gaps[0]!), Math.max(b, gaps[1]!)])
        const far = gaps.some((one, k) => one > ABSOLUTE + RELATIVE * Math.abs(expected[k]!))
        if (far) wrong.push(`case ${i} ${name}: ${got}, SciPy ${expected}`)
      }
    })
    for (const [name, [statistic, pvalue]] of worst)
      console.log(
        `${name}: statistic within ${statistic.toExponential(1)}, ` +
          `p within ${pvalue.toExponential(1)}`,
      )
    expect(wrong.slice(0, 10)).toEqual([])
  },
  600_000,
)
