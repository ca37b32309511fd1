// A process that tests one window after another until it is told to end: every feature by KS and
// Anderson-Darling, all together by MMD with 100 permutations. It prints how many rows that were,
// by the clock and by the time that it had a core.
import { andersonDarlingSorted } from "#core/statistics/anderson-darling"
import { kolmogorovSmirnovSorted } from "#core/statistics/kolmogorov-smirnov"
import { openMmdRunner } from "#core/drift/mmd-runner"
import { mmdByGraph } from "#core/statistics/mmd-graph"
import { drawPermutations, mmdReference, PERMUTATIONS } from "#core/statistics/mmd"
import { fromFeatures } from "#core/statistics/rows"
import { makeArrays, REFERENCE_ROWS, WINDOW_ROWS } from "./arrays.ts"

/** Different ones in turn, so that nothing of a window is remembered. */
const WINDOWS = 8
const WARM_UP_WINDOWS = 10

const { reference } = makeArrays()
const windows = Array.from({ length: WINDOWS }, (_, seed) => makeArrays(seed + 1).window)
const sorted = reference.map((one) => one.toSorted())
const rows = fromFeatures(reference)
const { sigmas } = mmdReference(rows)
const runner = openMmdRunner()

const evaluate = async (number: number): Promise<void> => {
  const window = windows[number % WINDOWS] ?? []
  window.forEach((one, feature) => {
    const x = sorted[feature] ?? one
    const y = one.toSorted()
    kolmogorovSmirnovSorted(x, y, { method: "asymptotic" })
    andersonDarlingSorted([x, y])
  })
  const orders = drawPermutations(REFERENCE_ROWS, WINDOW_ROWS, PERMUTATIONS, number)
  await mmdByGraph({ rows, sigmas }, fromFeatures(window), orders, runner)
}

for (let number = 0; number < WARM_UP_WINDOWS; number++) await evaluate(number)
let isEnding = false
process.once("SIGTERM", () => void (isEnding = true))
console.log("begun")
const began = performance.now()
const cpuBegan = process.cpuUsage()
let done = 0
while (!isEnding) {
  await evaluate(done++)
  // The signal is heard only between two windows.
  await new Promise(setImmediate)
}
const seconds = (performance.now() - began) / 1_000
const { user, system } = process.cpuUsage(cpuBegan)
const rowsDone = done * WINDOW_ROWS
const rowsPerCoreSecond = rowsDone / ((user + system) / 1_000_000)
console.log(JSON.stringify({ rowsPerSecond: rowsDone / seconds, rowsPerCoreSecond }))
process.exit(0)
