// What is known of a value inside a model when one of its dimensions is the rows of a request:
// where they are, or that it is the same whatever is asked. It knows no operator.

/** The dimension of the rows: its size is whatever is asked. */
export const ROWS = -1
/** A dimension that the file does not tell; it is the same for all requests that share a run. */
export const UNKNOWN = -2

export type Shape = ReadonlyArray<number>

/** Does not depend on what is asked; `integers` where it may name axes or sizes. */
export interface Fixed {
  readonly kind: "fixed"
  /** Undefined when not even the number of dimensions is known. */
  readonly shape: Shape | undefined
  readonly integers?: Shape | undefined
}
/** Has each row of the answer made of the same row of the request, along the one ROWS dimension. */
export interface Rows {
  readonly kind: "rows"
  readonly shape: Shape
}
/** Sizes of another value, the number of rows (ROWS) among them. */
export interface Sizes {
  readonly kind: "sizes"
  readonly sizes: Shape
  readonly isScalar: boolean
}
export type Value = Fixed | Rows | Sizes

export const fixed = (shape?: Shape, integers?: Shape): Fixed => ({
  kind: "fixed",
  shape,
  integers,
})

/** Undefined unless exactly one dimension is the rows. */
export const rows = (shape: Shape): Rows | undefined =>
  shape.filter((size) => size === ROWS).length === 1 ? { kind: "rows", shape } : undefined

export const axisOf = ({ shape }: Rows): number => shape.indexOf(ROWS)

/** Undefined when it is no axis of so many dimensions. */
export const axisIn = (rank: number, axis: number | undefined): number | undefined => {
  if (axis === undefined || axis < -rank || axis >= rank) return undefined
  return axis < 0 ? axis + rank : axis
}

/** Product of the sizes; undefined when one is not known. */
export const productOf = (shape: Shape): number | undefined =>
  shape.some((size) => size < 0) ? undefined : shape.reduce((product, size) => product * size, 1)

const joinSizes = (sizes: Shape): number | undefined => {
  if (sizes.includes(ROWS))
    return sizes.every((size) => size === ROWS || size === 1) ? ROWS : undefined
  return sizes.find((size) => size > 1) ?? (sizes.includes(UNKNOWN) ? UNKNOWN : (sizes[0] ?? 1))
}

/**
 * The shape of values that are broadcast together; undefined when rows could meet anything but the
 * same rows, or what is the same for all of them.
 */
export const broadcast = (values: ReadonlyArray<Value>): Fixed | Rows | undefined => {
  const shapes: Array<Shape> = []
  for (const value of values) {
    if (value.kind === "sizes") return undefined
    if (value.shape !== undefined) shapes.push(value.shape)
    else if (values.some(({ kind }) => kind === "rows")) return undefined
    else return fixed()
  }
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  const joined: Array<number> = []
  for (let back = rank; back > 0; back--) {
    const facing = shapes.flatMap((shape) => shape.at(-back) ?? [])
    const size = joinSizes(facing)
    if (size === undefined) return undefined
    joined.push(size)
  }
  return values.every(({ kind }) => kind === "fixed") ? fixed(joined) : rows(joined)
}
