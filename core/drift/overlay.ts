// Two distributions of a column as shares in a few bins: what a picture is drawn from, so that no
// row ever has to leave the machine.
import { categoryTable, present, type Feature } from "#core/statistics/feature"
import { histogram, quantileSorted } from "#core/statistics/histogram"

export interface Overlay {
  /** The edges of equally wide bins, or the categories. */
  readonly edges: ReadonlyArray<number> | undefined
  readonly labels: ReadonlyArray<string>
  /** Shares of the rows that have a value, 0 to 1. */
  readonly reference: ReadonlyArray<number>
  readonly window: ReadonlyArray<number>
}

const BINS = 24
/** More categories than this are drawn as one. */
const CATEGORIES_MAX = 12
const LABEL_MAX_CHARACTERS = 24
/** Tails beyond these quantiles of either side are drawn in the outermost bins. */
const TAIL = 0.005

const OTHER = "(other)"
const DIGITS = 4

const rounded = (value: number): number => Number(value.toPrecision(DIGITS))

const sharesOf = (counts: ArrayLike<number>, total: number): ReadonlyArray<number> =>
  Array.from(counts, (count) => rounded(total === 0 ? 0 : count / total))

const clip = (sorted: Float64Array, low: number, high: number): Float64Array =>
  sorted.map((value) => Math.min(high, Math.max(low, value)))

const numeric = (reference: Float64Array, window: Float64Array): Overlay => {
  const sides = [reference, window].filter((side) => side.length > 0)
  const low = Math.min(...sides.map((side) => quantileSorted(side, TAIL)))
  const high = Math.max(...sides.map((side) => quantileSorted(side, 1 - TAIL)))
  const width = (high > low ? high - low : 1) / BINS
  const edges = Float64Array.from({ length: BINS + 1 }, (_, at) => low + at * width)
  const last = edges[BINS] ?? high
  const count = (side: Float64Array) =>
    sharesOf(histogram(clip(side, low, last), edges), side.length)
  return {
    edges: Array.from(edges, rounded),
    labels: [],
    reference: count(reference),
    window: count(window),
  }
}

const shorten = (text: string): string =>
  text.length <= LABEL_MAX_CHARACTERS ? text : `${text.slice(0, LABEL_MAX_CHARACTERS - 1)}…`

const categorical = (reference: Feature, window: Feature): Overlay => {
  const table = categoryTable(reference, window)
  const [n, m] = [present(reference), present(window)]
  const shares = table.keys
    .map((key, at) => ({
      label: shorten(String(key)),
      reference: n === 0 ? 0 : (table.reference[at] ?? 0) / n,
      window: m === 0 ? 0 : (table.window[at] ?? 0) / m,
    }))
    .toSorted((a, b) => b.reference + b.window - a.reference - a.window)
  const shown = shares.slice(0, CATEGORIES_MAX)
  const rest = shares.slice(CATEGORIES_MAX)
  if (rest.length > 0)
    shown.push({
      label: OTHER,
      reference: rest.reduce((sum, one) => sum + one.reference, 0),
      window: rest.reduce((sum, one) => sum + one.window, 0),
    })
  return {
    edges: undefined,
    labels: shown.map(({ label }) => label),
    reference: shown.map((one) => rounded(one.reference)),
    window: shown.map((one) => rounded(one.window)),
  }
}

/** The shares of both sides; `undefined` where neither has a finite value. */
export const overlayOf = (reference: Feature, window: Feature): Overlay | undefined => {
  if (reference.kind === "numeric" && window.kind === "numeric") {
    const [x, y] = [reference.sorted, window.sorted].map((side) => side.filter(Number.isFinite))
    return x === undefined || y === undefined || x.length + y.length === 0
      ? undefined
      : numeric(x, y)
  }
  return present(reference) + present(window) === 0 ? undefined : categorical(reference, window)
}
