// Simulated samples for `show calibration`: pairs of a reference and a window, without any change
// or with one of five, by a seed.
import { normal } from "#core/statistics/seeded-random"

export const REFERENCE_ROWS = 500
export const WINDOW_ROWS = 200

/** Rows of a reference and a window, one array per feature. */
export interface Sample {
  readonly reference: ReadonlyArray<Float64Array>
  readonly window: ReadonlyArray<Float64Array>
}

type Random = () => number
/** One row. */
type Draw = (random: Random) => ReadonlyArray<number>

export const drawSample = (random: Random, before: Draw, after: Draw): Sample => {
  const side = (rows: number, draw: Draw) => {
    const drawn = Array.from({ length: rows }, () => draw(random))
    const width = drawn[0]?.length ?? 0
    return Array.from({ length: width }, (_, k) => Float64Array.from(drawn, (row) => row[k] ?? NaN))
  }
  return { reference: side(REFERENCE_ROWS, before), window: side(WINDOW_ROWS, after) }
}

const normals =
  (width: number): Draw =>
  (random) =>
    Array.from({ length: width }, () => normal(random))

/** A category by its number, each with a share. */
const categories =
  (...shares: ReadonlyArray<number>): Draw =>
  (random) => {
    let rest = random()
    const found = shares.findIndex((share) => (rest -= share) < 0)
    return [found < 0 ? shares.length - 1 : found]
  }

const scaled =
  (by: number, plus: number): Draw =>
  (random) => [plus + by * normal(random)]

const CHI_DEGREES = 3
/** Student's t with 3 degrees of freedom over its deviation √3: as wide, but with longer tails. */
const longTails: Draw = (random) => {
  let squares = 0
  for (let i = 0; i < CHI_DEGREES; i++) squares += normal(random) ** 2
  return [normal(random) / Math.sqrt(squares / CHI_DEGREES) / Math.sqrt(CHI_DEGREES)]
}

/** Two normal features with this correlation. */
const correlated =
  (by: number): Draw =>
  (random) => {
    const [first, second] = [normal(random), normal(random)]
    return [first, by * first + Math.sqrt(1 - by * by) * second]
  }

export type SampleKind = "number" | "numbers" | "category" | "yes-no"

/** What has no change is drawn twice from this. */
export const UNCHANGED: Readonly<Record<SampleKind, Draw>> = {
  number: normals(1),
  numbers: normals(10),
  category: categories(0.4, 0.3, 0.2, 0.1),
  "yes-no": categories(0.7, 0.3),
}

export interface Shift {
  readonly name: string
  readonly title: string
  readonly kind: SampleKind
  readonly before: Draw
  readonly after: Draw
}

export const SHIFTS: ReadonlyArray<Shift> = [
  {
    name: "mean",
    title: "mean moved by 0.25 deviations",
    kind: "number",
    before: scaled(1, 0),
    after: scaled(1, 0.25),
  },
  {
    name: "scale",
    title: "deviation 1.3 times as large",
    kind: "number",
    before: scaled(1, 0),
    after: scaled(1.3, 0),
  },
  {
    name: "tail",
    title: "longer tails (t, 3 degrees), deviation the same",
    kind: "number",
    before: scaled(1, 0),
    after: longTails,
  },
  {
    name: "category",
    title: "shares 50/30/20 % to 40/35/25 %",
    kind: "category",
    before: categories(0.5, 0.3, 0.2),
    after: categories(0.4, 0.35, 0.25),
  },
  {
    name: "correlation",
    title: "two features from uncorrelated to 0.6, each as before",
    kind: "numbers",
    before: correlated(0),
    after: correlated(0.6),
  },
]
