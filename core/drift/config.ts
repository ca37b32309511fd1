// The monitor's YAML file: its reader, and the settings that it comes to for a model.
// Unknown keys and bad values are refused by name; what is left out has a default.
import { Result, Schema } from "effect"
import { parseDocument } from "yaml"
import type { TestName } from "#core/statistics/univariate"
import { checkConfig } from "./config-faults.ts"
import { type DriftConfig, driftConfigSchema, DURATION, type Model } from "./config-schema.ts"
import { FOLDS } from "#core/statistics/classifier-two-sample"
import type { DriftSettings, ProfileName, ReferenceSource } from "./settings.ts"
import type { WindowRule } from "./window.ts"

export { driftConfigSchema, type DriftConfig }

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** The file is no configuration; the message names the place and what was expected there. */
export class DriftConfigInvalid extends Schema.TaggedError<DriftConfigInvalid>()(
  "DriftConfigInvalid",
  { reason: Schema.String },
) {
  override get message() {
    return `drift configuration: ${this.reason}`
  }
}

/** Reads YAML (or JSON). @throws DriftConfigInvalid */
export const parseDriftConfig = (text: string): DriftConfig => {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true })
  const [fault] = document.errors
  if (fault !== undefined)
    throw new DriftConfigInvalid({ reason: fault.message.split("\n")[0] ?? "" })
  const plain: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  const checked = checkConfig(plain)
  if (Result.isFailure(checked))
    throw new DriftConfigInvalid({ reason: checked.failure.join("; ") })
  return checked.success
}

const FIRST_ROWS = 1_000

const windowRule = (given: Model["window"]): WindowRule => {
  if (given === undefined) return { kind: "rows", rows: FIRST_ROWS }
  if ("rows" in given) return { kind: "rows", rows: given.rows }
  if ("marks" in given) return { kind: "marks" }
  const [, amount, unit = ""] = DURATION.exec(given.every) ?? []
  return { kind: "time", millis: Number(amount) * (UNIT_MILLIS[unit] ?? 1) }
}

const referenceSource = (given: Model["reference"], hasProfile: boolean): ReferenceSource => {
  if (given === undefined)
    return hasProfile ? { kind: "profile" } : { kind: "first", rows: FIRST_ROWS }
  if ("first" in given) return { kind: "first", rows: given.first }
  if ("window" in given) return { kind: "window" }
  if ("file" in given) return { kind: "file", path: given.file }
  if ("digest" in given) return { kind: "digest", digest: given.digest }
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

const truthRule = (given: Model): DriftSettings["truth"] => {
  const { truth = {} } = given
  if (truth === false) return undefined
  const window = windowRule(truth.window ?? given.window)
  const { reference } = truth
  if (reference !== undefined && "window" in reference)
    return { window, reference: { kind: "window" } }
  // Without a word, as many rows as one window has, or the first window.
  const rows = reference?.first ?? (window.kind === "rows" ? window.rows : undefined)
  const kind = rows === undefined ? ({ kind: "window" } as const) : { kind: "first" as const, rows }
  return { window, reference: kind }
}

const updateRule = (given: Model["update"]): DriftSettings["update"] => {
  if (given === undefined) return undefined
  return "last" in given
    ? { kind: "last", rows: given.last }
    : { kind: "reservoir", rows: given.reservoir }
}

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
    of: "predictions",
    truth: truthRule(given),
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
    each: given.each ?? true,
    mmd: given.mmd === undefined ? undefined : { ...given.mmd, by: given.mmd.by ?? "graph" },
    classifier:
      given.classifier === undefined
        ? undefined
        : { rows: given.classifier.rows, folds: given.classifier.folds ?? FOLDS },
    online: given.online ?? [],
    update: updateRule(given.update),
  }
}
