// How operators that only move, join, cut or reshape values carry rows, and how sizes are worked
// out on the way to a new shape.
import { areFixed, integerOf, integersOf, one, rowsAt, type Rule, type Use } from "./row-use.ts"
import * as V from "./row-values.ts"

const constant: Rule = ({ node }) => {
  const held = node.tensors.get("value")
  if (held !== undefined) return [V.fixed(held.shape, held.integers)]
  const list = node.integers.get("value_ints")
  if (list !== undefined && list.length > 0) return [V.fixed([list.length], list)]
  const single = node.integers.get("value_int")
  return [single === undefined ? V.fixed() : V.fixed([], single)]
}

const shapeOf: Rule = (use) => {
  const [value] = use.inputs
  if (use.node.integers.has("start") || use.node.integers.has("end")) return undefined
  if (value?.kind === "rows") return [{ kind: "sizes", sizes: value.shape, isScalar: false }]
  if (value?.kind !== "fixed" || value.shape === undefined) return undefined
  return [V.fixed([value.shape.length], value.shape)]
}

/** A list of sizes; fixed integers are one too. */
const sizesOf = (value: V.Value | undefined): V.Shape | undefined => {
  if (value?.kind === "sizes") return value.sizes
  return value?.kind === "fixed" ? value.integers : undefined
}

const concat: Rule = (use) => {
  const given = use.inputs
  if (given.some((value) => value?.kind === "sizes")) {
    const parts = given.map(sizesOf)
    if (parts.includes(undefined)) return undefined
    return [{ kind: "sizes", sizes: parts.flatMap((part) => part ?? []), isScalar: false }]
  }
  const [first] = given
  if (first?.kind !== "rows") return undefined
  const axis = V.axisIn(first.shape.length, integerOf(use, "axis"))
  if (axis === undefined || axis === V.axisOf(first)) return undefined
  let size = 0
  for (const value of given) {
    if (value?.kind !== "rows" || V.axisOf(value) !== V.axisOf(first)) return undefined
    if (value.shape.length !== first.shape.length) return undefined
    const more = value.shape[axis] ?? V.UNKNOWN
    size = size < 0 || more < 0 ? V.UNKNOWN : size + more
  }
  return one(V.rows(first.shape.with(axis, size)))
}

const split: Rule = (use) => {
  const value = rowsAt(use, 0)
  const axis = V.axisIn(value?.shape.length ?? 0, integerOf(use, "axis") ?? 0)
  if (value === undefined || axis === undefined || axis === V.axisOf(value)) return undefined
  if (!areFixed(use, 1)) return undefined
  const sizes = integersOf(use, "split", 1)
  const parts = use.node.outputs.flatMap(
    (_, index) => V.rows(value.shape.with(axis, sizes?.[index] ?? V.UNKNOWN)) ?? [],
  )
  return parts.length === use.node.outputs.length ? parts : undefined
}

const slice: Rule = (use) => {
  const [value] = use.inputs
  const starts = integersOf(use, "starts", 1)
  const ends = integersOf(use, "ends", 2)
  if (!areFixed(use, 1) || starts === undefined || ends === undefined) return undefined
  if (value?.kind === "sizes") {
    const step = integersOf(use, "steps", 4)?.[0] ?? 1
    if (value.isScalar || starts.length !== 1 || step !== 1) return undefined
    const sizes = value.sizes.slice(starts[0], ends[0])
    return [{ kind: "sizes", sizes, isScalar: false }]
  }
  const axes = integersOf(use, "axes", 3)
  if (value?.kind !== "rows" || axes === undefined || axes.length === 0) return undefined
  let { shape } = value
  for (const given of axes) {
    const axis = V.axisIn(shape.length, given)
    if (axis === undefined || axis === V.axisOf(value)) return undefined
    shape = shape.with(axis, V.UNKNOWN)
  }
  return one(V.rows(shape))
}

const gather: Rule = (use) => {
  const [from, which] = use.inputs
  const given = integerOf(use, "axis") ?? 0
  if (from?.kind === "sizes" && which?.kind === "fixed") {
    const sizes = which.integers?.map((at) => from.sizes.at(at))
    const known = sizes?.filter((size) => size !== undefined)
    if (known === undefined || known.length === 0 || known.length !== sizes?.length)
      return undefined
    return [{ kind: "sizes", sizes: known, isScalar: which.shape?.length === 0 }]
  }
  if (from === undefined || from.kind === "sizes" || from.shape === undefined) return undefined
  if (which === undefined || which.kind === "sizes" || which.shape === undefined) return undefined
  const axis = V.axisIn(from.shape.length, given)
  if (axis === undefined || from.shape[axis] === V.ROWS) return undefined
  const taken = [...from.shape.slice(0, axis), ...which.shape, ...from.shape.slice(axis + 1)]
  return one(V.rows(taken))
}

const transpose: Rule = (use) => {
  const value = rowsAt(use, 0)
  if (value === undefined) return undefined
  const order = use.node.integers.get("perm") ?? value.shape.map((_, axis) => axis).toReversed()
  return one(V.rows(order.map((axis) => value.shape[axis] ?? V.UNKNOWN)))
}

const squeeze: Rule = (use) => {
  const [value] = use.inputs
  const axes = integersOf(use, "axes", 1)
  if (value?.kind === "sizes" && value.sizes.length === 1) return [{ ...value, isScalar: true }]
  if (value?.kind !== "rows" || axes === undefined || axes.length === 0) return undefined
  const { shape } = value
  const dropped = axes.map((axis) => V.axisIn(shape.length, axis))
  if (dropped.includes(undefined) || dropped.includes(V.axisOf(value))) return undefined
  return one(V.rows(shape.filter((_, axis) => !dropped.includes(axis))))
}

const unsqueeze: Rule = (use) => {
  const [value] = use.inputs
  const axes = integersOf(use, "axes", 1)
  if (value === undefined || axes === undefined) return undefined
  if (value.kind === "sizes") return value.isScalar ? [{ ...value, isScalar: false }] : undefined
  if (value.kind !== "rows") return undefined
  const rank = value.shape.length + axes.length
  const added = new Set(axes.map((axis) => V.axisIn(rank, axis)))
  if (added.has(undefined) || added.size !== axes.length) return undefined
  const rest = [...value.shape]
  const shape = Array.from({ length: rank }, (_, axis) =>
    added.has(axis) ? 1 : (rest.shift() ?? V.UNKNOWN),
  )
  return one(V.rows(shape))
}

const withoutOnes = (shape: V.Shape): V.Shape => {
  const first = shape.findIndex((size) => size !== 1)
  return first === -1 ? [] : shape.slice(first)
}

/** The rows must come first on both sides, so that the elements of a row stay together. */
const reshape: Rule = (use) => {
  const [value] = use.inputs
  const wanted =
    use.inputs[1] === undefined ? use.node.integers.get("shape") : sizesOf(use.inputs[1])
  if (value?.kind !== "rows" || wanted === undefined || integerOf(use, "allowzero") === 1)
    return undefined
  // What was -1 in a fixed list is "the rest"; in a list of sizes it could be the rows as well.
  const isFixed = use.inputs[1]?.kind !== "sizes"
  const [leading, ...inner] = withoutOnes(value.shape)
  if (leading !== V.ROWS) return undefined
  const count = V.productOf(inner)
  const target = wanted.map((size, at) => (size === 0 ? (value.shape[at] ?? V.UNKNOWN) : size))
  const ones = target.length - withoutOnes(target).length
  const [head, ...rest] = withoutOnes(target)
  const others = V.productOf(rest)
  if (head !== V.ROWS) return undefined
  const isRest = isFixed && wanted[ones] === -1
  const asks = !isRest && rest.includes(-1)
  // Without a -1 elsewhere the rest of the row must be just as many elements.
  if (!asks && (isRest || !isFixed) && (others === undefined || others !== count)) {
    return undefined
  }
  const given = V.productOf(rest.filter((size) => size !== -1))
  const left = count === undefined || given === undefined || given === 0 ? V.UNKNOWN : count / given
  const filled = rest.map((size) => (size === -1 ? left : size))
  return one(V.rows([...target.slice(0, ones), V.ROWS, ...filled]))
}

const flatten: Rule = (use) => {
  const value = rowsAt(use, 0)
  const axis = V.axisIn((value?.shape.length ?? 0) + 1, integerOf(use, "axis") ?? 1)
  if (value === undefined || V.axisOf(value) !== 0 || axis !== 1) return undefined
  return one(V.rows([V.ROWS, V.productOf(value.shape.slice(1)) ?? V.UNKNOWN]))
}

const expand: Rule = (use) => {
  const [value, wanted] = use.inputs
  if (value === undefined) return undefined
  if (wanted?.kind !== "sizes") {
    const shape = sizesOf(wanted)
    return shape === undefined ? undefined : one(V.broadcast([value, V.fixed(shape)]))
  }
  const target = V.rows(wanted.sizes)
  return target && !wanted.isScalar ? one(V.broadcast([value, target])) : undefined
}

const filledWith: Rule = ({ inputs: [wanted] }: Use) => {
  if (wanted?.kind === "sizes") return wanted.isScalar ? undefined : one(V.rows(wanted.sizes))
  const shape = sizesOf(wanted)
  return shape && [V.fixed(shape)]
}

/** By name, of the default domain. */
export const layoutRules: ReadonlyArray<readonly [string, Rule]> = [
  ["Constant", constant],
  ["Shape", shapeOf],
  ["Concat", concat],
  ["Split", split],
  ["Slice", slice],
  ["Gather", gather],
  ["Transpose", transpose],
  ["Squeeze", squeeze],
  ["Unsqueeze", unsqueeze],
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Expand", expand],
  ["ConstantOfShape", filledWith],
]
