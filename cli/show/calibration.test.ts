// The demonstration at a small size, without Python: what it counts, and that a wrong test is seen.
import { expect, test } from "bun:test"
import { binomialBand } from "../calibration/count.ts"
import { runCalibration } from "./calibration.ts"

test("few windows stay in their wide bands, and every change and test is printed", async () => {
  const lines: Array<string> = []
  const broken = await runCalibration({
    windows: 40,
    repetitions: 2,
    seed: 1,
    markdown: false,
    python: undefined,
    say: (line) => void lines.push(line),
  })
  expect(broken).toEqual([])
  const text = lines.join("\n")
  for (const part of ["Anderson-Darling", "classifier two-sample", "longer tails", "0.6"])
    expect(text).toContain(part)
  expect(text).toContain("no Python with SciPy here")
}, 60_000)

test("the band of 2,000 windows is the binomial one", () => {
  // scipy.stats.binom.ppf([0.005, 0.995], 2000, 0.05) and of 0.01.
  expect(binomialBand(2_000, 0.05)).toEqual({ low: 76, high: 126 })
  expect(binomialBand(2_000, 0.01)).toEqual({ low: 10, high: 32 })
})
