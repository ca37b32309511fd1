// How rows of a window join a reference: the last so many of both, or a sample in which every row
// had the same chance. The same tables, rule and seed give the same reference.
import { choose, seededRandom } from "#core/statistics/seeded-random"
import type { ReferenceTaken, WindowEvaluated } from "#proto/finding"
import type { ReferenceOrigin } from "./reference.ts"
import type { DriftSettings, ReferenceUpdate } from "./settings.ts"
import { NO_CODE, type CategoricalColumn, type Column, type Table } from "./table.ts"

/** Whether rows of this window are to join: those of windows that drifted never do on their own. */
export const joins = (settings: DriftSettings, { verdict, window }: WindowEvaluated): boolean =>
  settings.update !== undefined && verdict === "none" && window.rows > 0

/** Rows of the new reference by their place in the old one, then in the window. */
const placesOf = (
  reference: Table,
  window: Table,
  { kind, rows }: ReferenceUpdate,
  seed: number,
): Uint32Array => {
  const held = reference.rows + window.rows
  if (kind === "last") {
    const from = Math.max(0, held - rows)
    return Uint32Array.from({ length: held - from }, (_, at) => from + at)
  }
  const random = seededRandom(seed)
  const places =
    reference.rows <= rows
      ? Array.from({ length: reference.rows }, (_, at) => at)
      : [...choose(reference.rows, rows, random)]
  for (let row = 0; row < window.rows; row++) {
    const place =
      places.length < rows ? places.length : Math.floor(random() * (reference.seen + row + 1))
    if (place < rows) places[place] = reference.rows + row
  }
  return Uint32Array.from(places)
}

const joinNumbers = (places: Uint32Array, before: Float64Array, now: Float64Array | undefined) =>
  Float64Array.from(places, (at) =>
    at < before.length ? (before[at] ?? NaN) : (now?.[at - before.length] ?? NaN),
  )

const textAt = (column: CategoricalColumn | undefined, row: number): string | undefined =>
  column?.texts[column.codes[row] ?? NO_CODE]

const joinTexts = (
  places: Uint32Array,
  before: CategoricalColumn,
  now: CategoricalColumn | undefined,
): CategoricalColumn => {
  const known = new Map<string, number>()
  const rows = before.codes.length
  const codes = Int32Array.from(places, (at) => {
    const text = at < rows ? textAt(before, at) : textAt(now, at - rows)
    if (text === undefined) return NO_CODE
    const code = known.get(text) ?? known.size
    known.set(text, code)
    return code
  })
  return { ...before, codes, texts: [...known.keys()] }
}

const join = (places: Uint32Array, before: Column, window: Table): Column => {
  const now = window.columns.find(({ name }) => name === before.name)
  if (before.kind === "numeric") {
    const values = now?.kind === "numeric" ? now.values : undefined
    return { ...before, values: joinNumbers(places, before.values, values) }
  }
  return joinTexts(places, before, now?.kind === "categorical" ? now : undefined)
}

/** The reference with a window's rows in it. */
export const joinReference = (
  reference: Table,
  window: Table,
  rule: ReferenceUpdate,
  seed: number,
): Table => {
  const places = placesOf(reference, window, rule, seed)
  const seen = rule.kind === "last" ? places.length : reference.seen + window.rows
  const columns = reference.columns.map((column) => join(places, column, window))
  return { rows: places.length, seen: Math.max(seen, places.length), columns }
}

/** What is written of a reference that a window joined; `asked` is that of the one before. */
export const joinedOrigin = (
  { model, window }: WindowEvaluated,
  { kind, rows }: ReferenceUpdate,
  asked: string,
): ReferenceOrigin => {
  const words = kind === "last" ? `last ${rows} rows` : `reservoir of ${rows} rows`
  return { model, origin: `${words}, up to position ${window.to}`, asked, to: window.to }
}

/** The finding that a window joined the reference, with all that is remembered. */
export const joinedReference = (
  found: WindowEvaluated,
  reference: string,
  rows: number,
  { origin }: ReferenceOrigin,
  at: number,
): ReferenceTaken => {
  const { model, number, window, persistence, online, configuration } = found
  return {
    _tag: "ReferenceTaken",
    model,
    reference,
    rows,
    origin,
    to: window.to,
    position: window.to,
    number,
    cleared: [],
    carried: { persistence, configuration, ...(online === undefined ? {} : { online }) },
    at,
  }
}
