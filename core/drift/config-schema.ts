// What may be written in the monitor's YAML file, for its reader and for editors. It holds no
// defaults.
import { Schema } from "effect"
import { isTestName, testNames } from "#core/statistics/univariate"
import { OnlineDetector } from "./detectors.ts"

const between = (minimum: number, maximum: number) => Schema.isBetween({ minimum, maximum })
/** Rows that a window or a reference may be asked to have. */
export const ROWS = { minimum: 1, maximum: 10_000_000 } as const
const Rows = Schema.Int.check(Schema.isBetween(ROWS))
const Share = Schema.Finite.check(between(0, 1))
const Count = Schema.Int.check(between(1, 1_000))
/** A length in time of more than nothing. */
export const DURATION = /^(?!0+[smhd])(\d{1,6})([smhd])$/u

const described = <S extends Schema.Top>(schema: S, description: string) =>
  schema.annotate({ description })

const TestWord = described(
  Schema.Literals(testNames.filter(isTestName)),
  "Statistical test or distance",
)

const Position = Schema.Union([
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  Schema.NonEmptyString,
])

const Window = Schema.Union([
  Schema.Struct({ rows: described(Rows, "A window has at least so many rows") }),
  Schema.Struct({
    every: described(
      Schema.String.check(
        Schema.isPattern(DURATION, { expected: "a length of at least 1s, such as 15m, 1h or 1d" }),
      ),
      "Length in time, such as 15m, 1h or 1d",
    ),
  }),
  Schema.Struct({ marks: described(Schema.Literal(true), "From one weir mark to the next") }),
])

const beginning = [
  Schema.Struct({ first: described(Rows, "The first so many rows") }),
  Schema.Struct({ window: described(Schema.Literal("first"), "The first window") }),
] as const
const Beginning = Schema.Union(beginning)
const Reference = Schema.Union([
  ...beginning,
  Schema.Struct({
    from: described(Position, "First position, or the mark after which it begins"),
    to: described(Position, "Last position, or the mark with which it ends"),
  }),
  Schema.Struct({
    file: described(
      Schema.NonEmptyString,
      "A CSV file with a header; a relative path is taken from the folder of this file",
    ),
  }),
  Schema.Struct({
    digest: described(
      Schema.String.check(
        Schema.isPattern(/^[0-9a-f]{64}$/u, { expected: "64 hexadecimal digits" }),
      ),
      "An artifact, as ./weir drift reference makes them",
    ),
  }),
  Schema.Struct({ profile: described(Schema.Literal(true), "The champion's training profile") }),
]).check(
  // Of the union, since a failure inside it is told among those of all its other members.
  Schema.makeFilter((reference) => {
    if (!("from" in reference)) return undefined
    const { from, to } = reference
    if (typeof from !== "number" || typeof to !== "number" || from <= to) return undefined
    const issue = `Expected a position that is not behind that of "to" (${to}), got ${from}`
    return { path: ["from"], issue }
  }),
)

const Column = Schema.Struct({
  ignore: Schema.optionalKey(Schema.Boolean),
  kind: Schema.optionalKey(Schema.Literals(["numeric", "categorical"])),
  test: Schema.optionalKey(TestWord),
  threshold: Schema.optionalKey(described(Schema.Finite, "α, or the distance that counts")),
  effect: Schema.optionalKey(described(Share, "Effect from which a small p counts")),
})

const SampleRows = Schema.Int.check(between(10, 5_000))
const Mmd = Schema.Struct({
  rows: described(SampleRows, "Rows of each side, at most"),
  permutations: Schema.Int.check(between(20, 10_000)),
  by: Schema.optionalKey(described(Schema.Literals(["graph", "plain"]), "ONNX Runtime or not")),
})
const Classifier = Schema.Struct({
  rows: described(SampleRows, "Rows of each side, at most"),
  folds: Schema.optionalKey(Schema.Int.check(between(2, 20))),
})
const Truth = Schema.Union([
  Schema.Literal(false),
  Schema.Struct({ window: Schema.optionalKey(Window), reference: Schema.optionalKey(Beginning) }),
])
const Update = Schema.Union([
  Schema.Struct({ last: described(Rows, "The last so many rows") }),
  Schema.Struct({ reservoir: described(Rows, "So many of all rows, each with the same chance") }),
])

export const Model = Schema.Struct({
  window: Schema.optionalKey(Window),
  reference: Schema.optionalKey(Reference),
  profile: Schema.optionalKey(Schema.Literals(["weir", "alibi", "evidently", "scipy"])),
  rows_max: Schema.optionalKey(described(Rows, "Rows held of a window or reference")),
  rows_min: Schema.optionalKey(described(Rows, "Fewer rows are not tested")),
  alpha: Schema.optionalKey(described(Share, "False alarm rate of a window, over all its tests")),
  correction: Schema.optionalKey(Schema.Literals(["bonferroni", "fdr", "none"])),
  effect: Schema.optionalKey(described(Share, "Effect from which a small p counts, 0 to 1")),
  nulls: Schema.optionalKey(described(Share, "Change of the null rate that counts; 1 for never")),
  unseen: Schema.optionalKey(
    described(
      Schema.Finite.check(between(0, 2)),
      "Share of new categories that counts, beyond what the reference may miss; 2: never",
    ),
  ),
  persistence: Schema.optionalKey(
    Schema.Struct({
      hits: described(Count, "Windows that must drift"),
      of: described(Count, "among the last so many"),
      clear: described(Count, "quiet windows after which it is over"),
    }).check(
      Schema.makeFilter(({ hits, of }) => {
        const issue = `Expected no more than of "of" (${of}), got ${hits}: that can never be`
        return hits > of ? { path: ["hits"], issue } : undefined
      }),
    ),
  ),
  share: Schema.optionalKey(described(Share, "Share of tests that must drift")),
  columns: Schema.optionalKey(Schema.Record(Schema.String, Column)),
  slices: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        feature: Schema.NonEmptyString,
        values: Schema.optionalKey(
          Schema.Array(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])),
        ),
      }),
    ),
  ),
  each: Schema.optionalKey(described(Schema.Boolean, "Tests each column by itself")),
  mmd: Schema.optionalKey(described(Mmd, "Tests all numeric columns together")),
  classifier: Schema.optionalKey(
    described(Classifier, "Whether a classifier can tell window from reference"),
  ),
  truth: Schema.optionalKey(described(Truth, "Windows over ground truth; false for none")),
  online: Schema.optionalKey(
    described(Schema.Array(OnlineDetector), "Detectors over the stream, row by row"),
  ),
  update: Schema.optionalKey(described(Update, "Rows of quiet windows join the reference")),
})
export type Model = typeof Model.Type

export const DriftConfig = Schema.Struct({
  defaults: Schema.optionalKey(described(Model, "For every model")),
  models: Schema.optionalKey(described(Schema.Record(Schema.String, Model), "By name")),
})
export type DriftConfig = typeof DriftConfig.Type

/** The JSON Schema of the file, for editors. */
export const driftConfigSchema = (): unknown => {
  const { schema, definitions } = Schema.toJsonSchemaDocument(DriftConfig)
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Drift configuration of Weir",
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }),
  }
  // The reader refuses unknown keys, so an editor has to underline them.
  const strict = (key: string, value: unknown): unknown =>
    key === "additionalProperties" && value === true ? false : value
  return JSON.parse(JSON.stringify(document, strict))
}
