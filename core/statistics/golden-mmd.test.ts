import { expect } from "bun:test"
import { goldenTest } from "./golden-test.ts"
import { golden, rows, sample } from "./vectors.ts"
import { gaussianKernel, mmd, mmdReference } from "./mmd.ts"
import { fromList } from "./rows.ts"

goldenTest(
  "mmd.json",
  Bun.env["WEIR_GOLDEN"],
  "MMD with given permutations agrees with Alibi Detect and with its definition",
  () => {
    const differences = golden("mmd.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const listX = rows(input["x_ref"])
      const listY = rows(input["x"])
      const given = input["sigma"] === null ? undefined : [...sample(input["sigma"])]
      const alpha = Number(input["p_val"])
      const orders = rows(input["permutations"]).map((order) =>
        Uint32Array.from(order.slice(listX.length)),
      )
      const reference = mmdReference(fromList(listX), given)
      const alibi = mmd(reference, fromList(listY), orders, { alpha, pvalues: "alibi" })
      const valid = mmd(reference, fromList(listY), orders, { alpha, pvalues: "valid" })
      const named = {
        sigma: alibi.sigmas,
        distance: alibi.distance,
        p_val: alibi.pvalue,
        p_val_valid: valid.pvalue,
        distance_threshold: alibi.threshold,
        is_drift: Number(alibi.drift),
        permuted_first5: alibi.permuted.slice(0, 5),
      }
      const pooled = [...listX, ...listY]
      const kernel = pooled.map((a) =>
        pooled.map((b) => {
          const squared = a.reduce((sum, one, i) => sum + (one - (b[i] ?? NaN)) ** 2, 0)
          return gaussianKernel(squared, reference.sigmas)
        }),
      )
      return { float64: named, alibi: named, kernel_matrix: kernel }
    })
    expect(differences).toEqual([])
  },
)
