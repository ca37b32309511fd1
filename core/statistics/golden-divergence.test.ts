import { expect } from "bun:test"
import { jensenShannon, kullbackLeibler } from "./divergence.ts"
import { goldenTest } from "./golden-test.ts"
import { column, golden, sample } from "./vectors.ts"
import { shares } from "./histogram.ts"
import { populationStability } from "./population-stability.ts"
import { evidentlyColumn, evidentlyFeature, type EvidentlyTest } from "./profile-evidently.ts"
import { sharedBins } from "./univariate.ts"

goldenTest(
  "jensen-shannon.json",
  Bun.env["WEIR_GOLDEN"],
  "Jensen-Shannon, Kullback-Leibler and Hellinger agree with SciPy and Evidently",
  () => {
    const differences = golden("jensen-shannon.json", Bun.env["WEIR_GOLDEN"], (input) => {
      if (input["p"] !== undefined) {
        const p = sample(input["p"])
        const q = sample(input["q"])
        return {
          jensenshannon: jensenShannon(p, q),
          jensenshannon_base2: jensenShannon(p, q, 2),
          kl: kullbackLeibler(p, q),
        }
      }
      const kind = input["type"] === "num" ? "num" : "cat"
      const solved = (stattest: EvidentlyTest) =>
        evidentlyColumn(column(input["x"]), column(input["y"]), kind, { stattest })
      return {
        evidently_js: solved("jensenshannon"),
        evidently_kl: solved("kl_div"),
        evidently_hellinger: solved("hellinger"),
      }
    })
    expect(differences).toEqual([])
  },
)

goldenTest(
  "psi.json",
  Bun.env["WEIR_GOLDEN"],
  "the stability index agrees with Evidently and with reference deciles",
  () => {
    const differences = golden("psi.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const x = column(input["x"])
      const y = column(input["y"])
      const kind = input["type"] === "num" ? "num" : "cat"
      const bins = sharedBins(evidentlyFeature(x, kind), evidentlyFeature(y, kind))
      const evidently = {
        ...evidentlyColumn(x, y, kind, { stattest: "psi" }),
        bins: bins.reference.length,
        edges: bins.edges,
        reference_shares: shares(bins.reference),
        current_shares: shares(bins.window),
      }
      if (kind === "cat") return { evidently }
      const stability = populationStability(sample(input["x"]), sample(input["y"]))
      return {
        evidently,
        quantile10: {
          psi: stability.psi,
          inner_edges: stability.innerEdges,
          reference_shares: stability.referenceShares,
          current_shares: stability.windowShares,
        },
      }
    })
    expect(differences).toEqual([])
  },
)
