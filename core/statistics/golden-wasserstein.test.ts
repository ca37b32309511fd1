import { expect } from "bun:test"
import { goldenTest } from "./golden-test.ts"
import { golden, sample } from "./vectors.ts"
import { energyDistance, wasserstein, wassersteinNormed } from "./wasserstein.ts"

goldenTest(
  "wasserstein.json",
  Bun.env["WEIR_GOLDEN"],
  "Wasserstein and energy distance agree with SciPy, the normed one with Evidently",
  () => {
    const differences = golden("wasserstein.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const x = sample(input["x"])
      const y = sample(input["y"])
      const weights = ["x_weights", "y_weights"].map((name) =>
        input[name] === undefined ? undefined : sample(input[name]),
      )
      const score = wassersteinNormed(x, y)
      return {
        wasserstein: wasserstein(x, y, weights[0], weights[1]),
        energy: energyDistance(x, y, weights[0], weights[1]),
        evidently_normed: { score, drifted: score >= 0.1 },
      }
    })
    expect(differences).toEqual([])
  },
)
