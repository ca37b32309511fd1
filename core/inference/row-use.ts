// What a rule about an operator is given, and the questions that rules ask of it.
import type { OnnxNode } from "./onnx-nodes.ts"
import type { Rows, Value } from "./row-values.ts"

export interface Use {
  readonly node: OnnxNode
  /** Undefined for an optional input that is left out. */
  readonly inputs: ReadonlyArray<Value | undefined>
  /** Version of the default operators. */
  readonly opset: number
}
/** The outputs, in order; undefined when rows may be mixed. */
export type Rule = (use: Use) => ReadonlyArray<Value> | undefined

export const one = (value: Value | undefined) => (value === undefined ? undefined : [value])

export const rowsAt = ({ inputs }: Use, index: number): Rows | undefined => {
  const value = inputs[index]
  return value?.kind === "rows" ? value : undefined
}

export const integerOf = ({ node }: Use, name: string): number | undefined =>
  node.integers.get(name)?.[0]

/** Integers of an attribute or, in later opsets, of a fixed input. */
export const integersOf = (use: Use, name: string, index: number) => {
  const value = use.inputs[index]
  return value === undefined
    ? use.node.integers.get(name)
    : value.kind === "fixed"
      ? value.integers
      : undefined
}

export const areFixed = ({ inputs }: Use, from: number): boolean =>
  inputs.slice(from).every((value) => value === undefined || value.kind === "fixed")
