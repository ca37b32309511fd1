import { expect } from "bun:test"
import { cramerVonMises, cramerVonMisesLimit } from "./cramer-von-mises.ts"
import { goldenTest } from "./golden-test.ts"
import { attempt, golden, sample } from "./vectors.ts"

goldenTest(
  "cvm.json",
  Bun.env["WEIR_GOLDEN"],
  "two-sample Cramér-von Mises agrees with SciPy, exact and asymptotic",
  () => {
    const differences = golden("cvm.json", Bun.env["WEIR_GOLDEN"], (input, vector) => {
      if (input["t"] !== undefined) return { cdf: sample(input["t"]).map(cramerVonMisesLimit) }
      const x = sample(input["x"])
      const y = sample(input["y"])
      const methods = (["exact", "asymptotic", "auto"] as const).filter(
        (method) => method in vector.expected || "error" in vector.expected,
      )
      return Object.fromEntries(
        methods.map((method) => [method, attempt(() => cramerVonMises(x, y, method))]),
      )
    })
    expect(differences).toEqual([])
  },
)
