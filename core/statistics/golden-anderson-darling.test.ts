import { expect } from "bun:test"
import { Schema } from "effect"
import { andersonDarlingExact } from "./anderson-darling-permuted.ts"
import { andersonDarling } from "./anderson-darling.ts"
import { goldenTest } from "./golden-test.ts"
import { attempt, golden, sample } from "./vectors.ts"

const Samples = Schema.Array(Schema.Unknown)
const Variant = Schema.Literals(["midrank", "right", "continuous"])
const VARIANTS = ["midrank", "right", "continuous"] as const

goldenTest(
  "anderson-ksamp.json",
  Bun.env["WEIR_GOLDEN"],
  "k-sample Anderson-Darling agrees with SciPy in every variant",
  () => {
    const differences = golden("anderson-ksamp.json", Bun.env["WEIR_GOLDEN"], (input, vector) => {
      const samples = Schema.decodeUnknownSync(Samples)(input["samples"]).map(sample)
      if (input["method"] === "all permutations") {
        const variant = Schema.decodeUnknownSync(Variant)(input["variant"])
        return andersonDarlingExact(samples, variant)
      }
      const solved = (variant: (typeof VARIANTS)[number]) => {
        const { criticalValues, ...rest } = andersonDarling(samples, variant)
        return { ...rest, critical_values: criticalValues }
      }
      if ("error" in vector.expected) return solved("midrank")
      return Object.fromEntries(VARIANTS.map((one) => [one, attempt(() => solved(one))]))
    })
    expect(differences).toEqual([])
  },
)
