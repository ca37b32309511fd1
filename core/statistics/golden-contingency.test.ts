import { expect } from "bun:test"
import { chiSquaredContingency, gTest, type ChiSquared } from "./contingency.ts"
import { fisherExact } from "./fisher.ts"
import { chiSquaredTail } from "./gamma.ts"
import { goldenTest } from "./golden-test.ts"
import { golden, rows, sample } from "./vectors.ts"

const named = ({ expected, ...rest }: ChiSquared) => ({ ...rest, expected_freq: expected })

goldenTest(
  "chi2.json",
  Bun.env["WEIR_GOLDEN"],
  "chi-squared and G tests of a contingency table agree with SciPy",
  () => {
    const differences = golden("chi2.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const dof = input["df"]
      if (typeof dof === "number")
        return { sf: sample(input["x"]).map((x) => chiSquaredTail(x, dof)) }
      const table = rows(input["table"])
      return {
        correction: named(chiSquaredContingency(table)),
        no_correction: named(chiSquaredContingency(table, false)),
        g_test: named(gTest(table)),
      }
    })
    expect(differences).toEqual([])
  },
)

goldenTest(
  "fisher.json",
  Bun.env["WEIR_GOLDEN"],
  "Fisher's exact test agrees with SciPy on every side",
  () => {
    const differences = golden("fisher.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const [[a = NaN, b = NaN] = [], [c = NaN, d = NaN] = []] = rows(input["table"])
      const solved = (alternative: "two-sided" | "less" | "greater") => {
        const { oddsRatio, pvalue } = fisherExact(a, b, c, d, alternative)
        return { odds_ratio: oddsRatio, pvalue }
      }
      return {
        "two-sided": solved("two-sided"),
        less: solved("less"),
        greater: solved("greater"),
      }
    })
    expect(differences).toEqual([])
  },
)
