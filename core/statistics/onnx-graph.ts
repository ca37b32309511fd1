// Writes the few parts of the ONNX protobuf that a computed graph needs, by hand, so that a
// statistic can be an ONNX model without a dependency. It neither reads models nor checks them.

/** Nodes, constants, inputs and outputs; all tensors are float32 unless they say otherwise. */
export interface Graph {
  readonly name: string
  readonly inputs: ReadonlyArray<ValueInfo>
  readonly outputs: ReadonlyArray<ValueInfo>
  readonly nodes: ReadonlyArray<Node>
  readonly floats: Readonly<Record<string, number>>
  readonly integers: Readonly<Record<string, ReadonlyArray<number>>>
}
export interface ValueInfo {
  readonly name: string
  /** A number fixes a dimension, a name leaves it open. */
  readonly shape: ReadonlyArray<number | string>
}
export interface Node {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes?: Readonly<Record<string, Attribute>>
}
export type Attribute =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly integers: ReadonlyArray<number> }

type Bytes = ReadonlyArray<number>

const IR_VERSION = 8
const OPSET_VERSION = 15
const FLOAT = 1
const INT64 = 7

const varint = (value: number): Bytes => {
  const bytes: Array<number> = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 128 : low)
  } while (rest > 0n)
  return bytes
}

const integer = (field: number, value: number): Bytes => [...varint(field << 3), ...varint(value)]
const bytes = (field: number, value: Iterable<number>): Bytes => {
  const content = [...value]
  return [...varint((field << 3) | 2), ...varint(content.length), ...content]
}
const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value))
const float = (field: number, value: number): Bytes => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
]

const attribute = (name: string, value: Attribute): Bytes => {
  if ("float" in value) return [...text(1, name), ...float(2, value.float), ...integer(20, 1)]
  if ("integer" in value) return [...text(1, name), ...integer(3, value.integer), ...integer(20, 2)]
  return [...text(1, name), ...value.integers.flatMap((one) => integer(8, one)), ...integer(20, 7)]
}

const node = ({ op, inputs, outputs, attributes = {} }: Node): Bytes => [
  ...inputs.flatMap((name) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, op),
  ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, attribute(name, value))),
]

const tensor = (name: string, type: number, dims: Bytes, raw: Uint8Array): Bytes => [
  ...dims.flatMap((dim) => integer(1, dim)),
  ...integer(2, type),
  ...text(8, name),
  ...bytes(9, raw),
]

const valueInfo = ({ name, shape }: ValueInfo): Bytes => {
  const dims = shape.flatMap((dim) =>
    bytes(1, typeof dim === "number" ? integer(1, dim) : text(2, dim)),
  )
  const tensorType = [...integer(1, FLOAT), ...bytes(2, dims)]
  return [...text(1, name), ...bytes(2, bytes(1, tensorType))]
}

/** The bytes of a model of IR 8 and opset 15 with this graph. */
export const encodeModel = (graph: Graph): Uint8Array => {
  const scalars = Object.entries(graph.floats).map(([name, value]) =>
    tensor(name, FLOAT, [], new Uint8Array(Float32Array.of(value).buffer)),
  )
  const lists = Object.entries(graph.integers).map(([name, values]) =>
    tensor(name, INT64, [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
  )
  const encoded = [
    ...graph.nodes.flatMap((one) => bytes(1, node(one))),
    ...text(2, graph.name),
    ...[...scalars, ...lists].flatMap((one) => bytes(5, one)),
    ...graph.inputs.flatMap((one) => bytes(11, valueInfo(one))),
    ...graph.outputs.flatMap((one) => bytes(12, valueInfo(one))),
  ]
  return Uint8Array.from([
    ...integer(1, IR_VERSION),
    ...text(2, "weir"),
    ...bytes(7, encoded),
    ...bytes(8, [...text(1, ""), ...integer(2, OPSET_VERSION)]),
  ])
}
