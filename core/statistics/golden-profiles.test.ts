import { expect } from "bun:test"
import { Schema } from "effect"
import { goldenTest } from "./golden-test.ts"
import { column, golden, rows } from "./vectors.ts"
import { alibiDetector, type AlibiTest } from "./profile-alibi.ts"
import { evidentlyColumn, evidentlyDataset, isEvidentlyTest } from "./profile-evidently.ts"

const Alibi = Schema.Struct({
  detector: Schema.Literals(["KSDrift", "CVMDrift", "ChiSquareDrift", "TabularDrift", "FETDrift"]),
  correction: Schema.Literals(["bonferroni", "fdr"]),
  drift_type: Schema.Literals(["batch", "feature"]),
  p_val: Schema.Number,
  alternative: Schema.optional(Schema.Literals(["two-sided", "less", "greater"])),
  categorical: Schema.optional(Schema.Array(Schema.Number)),
})

const TESTS = {
  KSDrift: "ks",
  CVMDrift: "cvm",
  ChiSquareDrift: "chi2",
  TabularDrift: "ks",
  FETDrift: "fisher",
} as const satisfies Record<string, AlibiTest>

const transpose = (table: ReadonlyArray<ReadonlyArray<number>>) =>
  (table[0] ?? []).map((_, j) => Float64Array.from(table, (row) => row[j] ?? NaN))

goldenTest(
  "alibi-kdrift.json",
  Bun.env["WEIR_GOLDEN"],
  "univariate detectors decide as Alibi Detect does",
  () => {
    const differences = golden("alibi-kdrift.json", Bun.env["WEIR_GOLDEN"], (input) => {
      const { detector, correction, drift_type, p_val, alternative, categorical } =
        Schema.decodeUnknownSync(Alibi)(input)
      const reference = transpose(rows(input["x_ref"]))
      const tests = reference.map((_, j) =>
        detector === "TabularDrift" && categorical?.includes(j) ? "chi2" : TESTS[detector],
      )
      const verdict = alibiDetector(tests, reference, transpose(rows(input["x"])), {
        alpha: p_val,
        correction,
        driftType: drift_type,
        ...(alternative && { alternative }),
      })
      return {
        is_drift: verdict.isDrift,
        distance: verdict.distance,
        p_val: verdict.pvalues,
        threshold: verdict.threshold,
      }
    })
    expect(differences).toEqual([])
  },
)

const Tables = Schema.Record(Schema.String, Schema.Unknown)
const Evidently = Schema.Struct({
  reference: Tables,
  current: Tables,
  numerical: Schema.Array(Schema.String),
  categorical: Schema.Array(Schema.String),
  options: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number])),
})
type Options = (typeof Evidently.Type)["options"]

/** Test and threshold of a column: given for its kind, else for all, else the tool's own. */
const given = (options: Options, kind: "num" | "cat") => {
  const name = options[`${kind}_stattest`] ?? options["stattest"]
  const stattest = name === undefined ? undefined : String(name)
  const threshold = options[`${kind}_stattest_threshold`] ?? options["stattest_threshold"]
  if (stattest !== undefined && !isEvidentlyTest(stattest))
    throw new Error(`the test ${stattest} of Evidently is not offered`)
  return {
    ...(stattest !== undefined && { stattest }),
    ...(threshold !== undefined && { threshold: Number(threshold) }),
  }
}

const CurrentApi = Schema.Array(Schema.Struct({ metric: Schema.String }))

goldenTest(
  "evidently.json",
  Bun.env["WEIR_GOLDEN"],
  "tables are judged as Evidently judges them",
  () => {
    const differences = golden("evidently.json", Bun.env["WEIR_GOLDEN"], (raw, vector) => {
      const input = Schema.decodeUnknownSync(Evidently)(raw)
      const driftShare = Number(input.options["drift_share"] ?? 0.5)
      const kindOf = (name: string) => (input.numerical.includes(name) ? "num" : "cat")
      const columns = Object.fromEntries(
        [...input.numerical, ...input.categorical].map((name) => [
          name,
          evidentlyColumn(
            column(input.reference[name]),
            column(input.current[name]),
            kindOf(name),
            given(input.options, kindOf(name)),
          ),
        ]),
      )
      const dataset = evidentlyDataset(
        Object.values(columns).map((one) => one.drifted),
        driftShare,
      )
      const named = Schema.decodeUnknownSync(CurrentApi)(vector.expected["current_api"] ?? [])
      const current_api = named.map(({ metric }) => {
        const scored = /column=(.+),method=/.exec(metric)?.[1]
        const value = scored
          ? columns[scored]?.score
          : { count: dataset.drifted, share: dataset.share }
        return { metric, value }
      })
      return {
        columns,
        drift_share: driftShare,
        number_of_columns: dataset.columns,
        number_of_drifted_columns: dataset.drifted,
        share_of_drifted_columns: dataset.share,
        dataset_drift: dataset.drift,
        current_api,
      }
    })
    expect(differences).toEqual([])
  },
)
