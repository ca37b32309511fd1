// The first configuration of a model's drift detection, from its signature: every choice is written
// out, so that changing it needs no manual.
import { columnPlans } from "#core/drift/columns"
import { chooseTest } from "#core/drift/choice"
import type { DriftSettings } from "#core/drift/settings"
import type { Signature } from "#proto/signature"

const SECOND_MILLIS = 1_000

const scalar = (text: string): string =>
  /^[A-Za-z_][A-Za-z0-9_.-]*$/u.test(text) ? text : JSON.stringify(text)

const NUMERIC = { kind: "numeric", sorted: new Float64Array(1), rows: 1 } as const
const CATEGORICAL = { kind: "categorical", counts: new Map(), rows: 1 } as const

/** YAML with the settings of a model as they are now. */
export const firstConfig = (
  model: string,
  signature: Signature,
  settings: DriftSettings,
): string => {
  const { alpha, correction, effect, nulls, unseen, hits, windows, clear } = settings
  const columns = columnPlans(signature).map(({ column: { name, kind } }) => {
    const feature = kind === "numeric" ? NUMERIC : CATEGORICAL
    const { test } = chooseTest(settings, settings.columns[name], feature, feature)
    return `      ${scalar(name)}: { kind: ${kind}, test: ${test} }`
  })
  const rows = settings.reference.kind === "first" ? settings.reference.rows : 1_000
  const rule = settings.window
  const seconds = rule.kind === "time" ? rule.millis / SECOND_MILLIS : 0
  const window =
    rule.kind === "rows"
      ? `{ rows: ${rule.rows} }`
      : rule.kind === "time"
        ? `{ every: ${seconds}s }`
        : "{ marks: true }"
  return `# yaml-language-server: $schema=./drift.schema.json
# Windows, references and tests of the drift-monitor, which DRIFT_CONFIG tells of this file.
# "./weir drift schema > drift.schema.json" writes the schema that editors check it by.
models:
  ${scalar(model)}:
    # A window: { rows: N }, { every: 1h }, or { marks: true } with "./weir mark NAME".
    window: ${window}
    # What it is compared with: { first: N }, { window: first }, { from: A, to: B } (positions or
    # marks), { file: rows.csv } (beside this file), { digest: … } (see "./weir drift reference") or
    # { profile: true }.
    reference: { first: ${rows} }
    rows_min: ${settings.rowsMin}
    # A column drifts where p < alpha, corrected over all columns, and the effect is at least this:
    # the largest distance of the two distributions, 0 to 1.
    alpha: ${alpha}
    correction: ${correction}
    effect: ${effect}
    nulls: ${nulls}
    unseen: ${unseen}
    persistence: { hits: ${hits}, of: ${windows}, clear: ${clear} }
    columns:
${columns.join("\n")}
    # slices: [{ feature: ${scalar(signature.features[0]?.name ?? "name")} }]
    # All numeric columns together:
    # mmd: { rows: 300, permutations: 200 }
    # classifier: { rows: 1000 }
    # Detectors over the stream, row by row; one that fires is reported at once:
    # online: [{ detector: adwin }, { detector: mmd, run_length: 10000, window: 50 }]
    # Rows of windows that did not drift join the reference: { last: N } or { reservoir: N }.
    # update: { reservoir: ${rows} }
`
}
