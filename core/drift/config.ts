// The monitor's YAML file: what may be written in it, and the settings it comes to for a model.
// Unknown keys and bad values are refused by name; what is left out has a default.
import { Schema } from "effect"
import { parseDocument } from "yaml"
import { isTestName, testNames, type TestName } from "#core/statistics/univariate"
import type { DriftSettings, ProfileName, ReferenceSource } from "./settings.ts"
import type { WindowRule } from "./window.ts"

const between = (minimum: number, maximum: number) => Schema.isBetween({ minimum, maximum })
const Rows = Schema.Int.check(between(1, 10_000_000))
const Share = Schema.Finite.check(between(0, 1))
const Count = Schema.Int.check(between(1, 1_000))
const DURATION = /^(\d{1,6})(s|m|h|d)$/u
const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

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
      Schema.String.check(Schema.isPattern(DURATION)),
      "Length in time, such as 15m, 1h or 1d",
    ),
  }),
  Schema.Struct({ marks: described(Schema.Literal(true), "From one weir mark to the next") }),
])

const Reference = Schema.Union([
  Schema.Struct({ first: described(Rows, "The first so many rows") }),
  Schema.Struct({ window: described(Schema.Literal("first"), "The first window") }),
  Schema.Struct({
    from: described(Position, "First position, or the mark after which it begins"),
    to: described(Position, "Last position, or the mark with which it ends"),
  }),
  Schema.Struct({ file: described(Schema.NonEmptyString, "A CSV file with a header") }),
  Schema.Struct({ profile: described(Schema.Literal(true), "The champion's training profile") }),
])

const Column = Schema.Struct({
  ignore: Schema.optionalKey(Schema.Boolean),
  kind: Schema.optionalKey(Schema.Literals(["numeric", "categorical"])),
  test: Schema.optionalKey(TestWord),
  threshold: Schema.optionalKey(described(Schema.Finite, "α, or the distance that counts")),
  effect: Schema.optionalKey(described(Share, "Effect from which a small p counts")),
})

const Model = Schema.Struct({
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
    }),
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
  mmd: Schema.optionalKey(
    Schema.Struct({
      rows: Schema.Int.check(between(10, 5_000)),
      permutations: Schema.Int.check(between(20, 10_000)),
    }),
  ),
})
type Model = typeof Model.Type

export const DriftConfig = Schema.Struct({
  defaults: Schema.optionalKey(described(Model, "For every model")),
  models: Schema.optionalKey(described(Schema.Record(Schema.String, Model), "By name")),
})
export type DriftConfig = typeof DriftConfig.Type

/** The file is no configuration; the message names the place and what was expected there. */
export class DriftConfigInvalid extends Schema.TaggedError<DriftConfigInvalid>()(
  "DriftConfigInvalid",
  { reason: Schema.String },
) {
  override get message() {
    return `drift configuration: ${this.reason}`
  }
}

const check = Schema.decodeUnknownSync(DriftConfig, {
  onExcessProperty: "error",
  errors: "all",
})

/** Reads YAML (or JSON). @throws DriftConfigInvalid */
export const parseDriftConfig = (text: string): DriftConfig => {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true })
  const [fault] = document.errors
  if (fault !== undefined)
    throw new DriftConfigInvalid({ reason: fault.message.split("\n")[0] ?? "" })
  const plain: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  let config: DriftConfig
  try {
    config = check(plain)
  } catch (cause) {
    throw new DriftConfigInvalid({ reason: cause instanceof Error ? cause.message : String(cause) })
  }
  const all = { defaults: config.defaults, ...config.models }
  for (const [name, model] of Object.entries(all)) {
    const rule = model?.persistence
    if (rule !== undefined && rule.hits > rule.of)
      throw new DriftConfigInvalid({
        reason: `${name}.persistence: ${rule.hits} of the last ${rule.of} can never be`,
      })
  }
  return config
}

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

const FIRST_ROWS = 1_000

const windowRule = (given: Model["window"]): WindowRule => {
  if (given === undefined) return { kind: "rows", rows: FIRST_ROWS }
  if ("rows" in given) return { kind: "rows", rows: given.rows }
  if ("marks" in given) return { kind: "marks" }
  const [, amount, unit = ""] = DURATION.exec(given.every) ?? []
  return { kind: "time", millis: Math.max(1, Number(amount) * (UNIT_MILLIS[unit] ?? 1)) }
}

const referenceSource = (given: Model["reference"], hasProfile: boolean): ReferenceSource => {
  if (given === undefined)
    return hasProfile ? { kind: "profile" } : { kind: "first", rows: FIRST_ROWS }
  if ("first" in given) return { kind: "first", rows: given.first }
  if ("window" in given) return { kind: "window" }
  if ("file" in given) return { kind: "file", path: given.file }
  if ("profile" in given) return { kind: "profile" }
  return { kind: "range", from: given.from, to: given.to }
}

type Usual = Pick<
  DriftSettings,
  "alpha" | "correction" | "effect" | "nulls" | "unseen" | "share" | "rowsMin"
> & { readonly persistence: NonNullable<Model["persistence"]> }

const OFF = 2
const AT_ONCE = { hits: 1, of: 1, clear: 1 }
const asTool = (correction: DriftSettings["correction"], share: number): Usual => ({
  alpha: 0.05,
  correction,
  effect: 0,
  nulls: 1,
  unseen: OFF,
  share,
  rowsMin: 1,
  persistence: AT_ONCE,
})

/** What a profile means where nothing else is said; `weir` is our own, against crying wolf. */
const USUAL: Readonly<Record<ProfileName, Usual>> = {
  weir: {
    alpha: 0.01,
    correction: "bonferroni",
    effect: 0.1,
    nulls: 0.05,
    unseen: 0.05,
    share: 0,
    rowsMin: 100,
    persistence: { hits: 2, of: 3, clear: 3 },
  },
  alibi: asTool("bonferroni", 0),
  evidently: asTool("none", 0.5),
  scipy: asTool("none", 0),
}

const ROWS_MAX = 100_000

const columnsOf = (given: NonNullable<Model["columns"]>): DriftSettings["columns"] =>
  Object.fromEntries(
    Object.entries(given).map(([name, column]) => {
      const test: TestName | undefined = column.test
      const { ignore = false, kind, threshold, effect } = column
      return [name, { ignore, kind, test, threshold, effect }]
    }),
  )

/** The settings of a model: its own, else the file's defaults, else those of the profile. */
export const settingsOf = (
  config: DriftConfig,
  model: string,
  hasProfile = false,
): DriftSettings => {
  const own = Object.hasOwn(config.models ?? {}, model) ? config.models?.[model] : undefined
  const given: Model = { ...config.defaults, ...own }
  const profile = given.profile ?? "weir"
  const { persistence, ...usual } = USUAL[profile]
  const { hits, of, clear } = given.persistence ?? persistence
  return {
    window: windowRule(given.window),
    reference: referenceSource(given.reference, hasProfile),
    profile,
    rowsMax: given.rows_max ?? ROWS_MAX,
    rowsMin: given.rows_min ?? usual.rowsMin,
    alpha: given.alpha ?? usual.alpha,
    correction: given.correction ?? usual.correction,
    effect: given.effect ?? usual.effect,
    nulls: given.nulls ?? usual.nulls,
    unseen: given.unseen ?? usual.unseen,
    share: given.share ?? usual.share,
    hits,
    windows: of,
    clear,
    columns: columnsOf({ ...config.defaults?.columns, ...own?.columns }),
    slices: (given.slices ?? []).map(({ feature, values }) => ({
      feature,
      values: values?.map(String),
    })),
    mmd: given.mmd,
  }
}
