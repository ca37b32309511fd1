import { expect } from "bun:test"
import { goldenTest } from "./golden-test.ts"
import { attempt, golden, sample } from "./vectors.ts"
import { hodgesLehmann, mannWhitney } from "./mann-whitney.ts"

const ALTERNATIVES = ["two-sided", "less", "greater"] as const
const METHODS = {
  exact: { method: "exact" },
  asymptotic: { method: "asymptotic" },
  "asymptotic-nocc": { method: "asymptotic", continuity: false },
  auto: { method: "auto" },
} as const

goldenTest(
  "mann-whitney.json",
  Bun.env["WEIR_GOLDEN"],
  "Mann-Whitney and Hodges-Lehmann agree with SciPy and NumPy",
  () => {
    const differences = golden("mann-whitney.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const x = sample(input["x"])
      const y = sample(input["y"])
      const solved = (alternative: (typeof ALTERNATIVES)[number]) =>
        Object.fromEntries(
          Object.entries(METHODS).map(([name, options]) => [
            name,
            attempt(() => mannWhitney(x, y, { alternative, ...options })),
          ]),
        )
      const tests = Object.fromEntries(ALTERNATIVES.map((one) => [one, solved(one)]))
      return { ...tests, hodges_lehmann: hodgesLehmann(x, y) }
    })
    expect(differences).toEqual([])
  },
)
