import { expect } from "bun:test"
import { Schema } from "effect"
import { goldenTest } from "./golden-test.ts"
import { attempt, golden, sample } from "./vectors.ts"
import { kolmogorovTail } from "./kolmogorov.ts"
import { ks2samp } from "./profile-scipy.ts"

const Policy = Schema.Struct({
  nan_policy: Schema.optional(Schema.Literals(["propagate", "omit", "raise"])),
})
const ALTERNATIVES = ["two-sided", "less", "greater"] as const
const METHODS = ["exact", "asymp", "auto"] as const

goldenTest(
  "ks.json",
  Bun.env["WEIR_GOLDEN"],
  "two-sample Kolmogorov-Smirnov agrees with SciPy in every mode",
  () => {
    const differences = golden("ks.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const x = sample(input["x"])
      const size = input["n"]
      if (typeof size === "number") return { sf: x.map((at) => kolmogorovTail(at, size)) }
      const y = sample(input["y"])
      const { nan_policy: nanPolicy = "propagate" } = Schema.decodeUnknownSync(Policy)(input)
      const solved = (alternative: (typeof ALTERNATIVES)[number]) =>
        Object.fromEntries(
          METHODS.map((method) => [
            method,
            attempt(() => ks2samp(x, y, { alternative, method, nanPolicy })),
          ]),
        )
      return Object.fromEntries(ALTERNATIVES.map((one) => [one, solved(one)]))
    })
    expect(differences).toEqual([])
  },
)
