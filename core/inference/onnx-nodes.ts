// Reads the operators of an ONNX graph, in the file's order, with what their axes are told by. It
// reads no weights and judges nothing.
import type { OnnxGraph } from "./onnx-graph.ts"
import { readText } from "./onnx-value.ts"
import { WIRE, WireReader } from "./wire-reader.ts"

/** Longer lists of integers are data, and not axes or sizes; of an attribute one more is kept. */
export const INTEGERS_MAX = 64
/** A thousand times what a large model has. */
const NODES_MAX = 1_000_000

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7, function: 25 }
const GRAPH = { node: 1, initializer: 5, sparseInitializer: 15 }
const SPARSE = { values: 1, dims: 3 }
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 }
const ATTRIBUTE = { name: 1, integer: 3, tensor: 5, graph: 6, integers: 8, strings: 9, graphs: 11 }
const TENSOR = { dims: 1, type: 2, int32: 5, int64: 7, name: 8, raw: 9 }
const INT32 = 6
const INT64 = 7

/** A tensor that the file holds; `integers` only of a short one of integers. */
export interface HeldTensor {
  readonly shape: ReadonlyArray<number>
  readonly integers: ReadonlyArray<number> | undefined
}

export interface OnnxNode {
  readonly name: string
  readonly domain: string
  readonly operator: string
  /** An optional input that is left out is "". */
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly integers: ReadonlyMap<string, ReadonlyArray<number>>
  /** How many texts an attribute lists. */
  readonly texts: ReadonlyMap<string, number>
  readonly tensors: ReadonlyMap<string, HeldTensor>
  /** It runs another graph, as If and Loop do. */
  readonly hasGraph: boolean
}

export interface OnnxNodes {
  readonly nodes: ReadonlyArray<OnnxNode>
  readonly initializers: ReadonlyMap<string, HeldTensor>
  /** Operators that the file defines itself. */
  readonly hasFunctions: boolean
  /** There are more nodes than are read. */
  readonly isCut: boolean
}

/** The nodes of the model's own graph; `readGraph` has found the file well formed before. */
export const readNodes = (bytes: Uint8Array): OnnxNodes => {
  const nodes: Array<OnnxNode> = []
  const initializers = new Map<string, HeldTensor>()
  let hasFunctions = false
  let isCut = false
  const model = new WireReader(bytes)
  while (model.next()) {
    if (model.wireType !== WIRE.bytes) continue
    if (model.field === MODEL.function) hasFunctions = true
    if (model.field !== MODEL.graph) continue
    const graph = model.message()
    while (graph.next()) {
      if (graph.wireType !== WIRE.bytes) continue
      if (graph.field === GRAPH.node) {
        if (nodes.length >= NODES_MAX) isCut = true
        else nodes.push(readNode(graph.message()))
      } else if (graph.field === GRAPH.initializer) {
        const { name, held } = readTensor(graph.message())
        initializers.set(name, held)
      } else if (graph.field === GRAPH.sparseInitializer) {
        const { name, held } = readSparse(graph.message())
        initializers.set(name, held)
      }
    }
  }
  return { nodes, initializers, hasFunctions, isCut }
}

const readNode = (node: WireReader): OnnxNode => {
  const inputs: Array<string> = []
  const outputs: Array<string> = []
  const integers = new Map<string, ReadonlyArray<number>>()
  const texts = new Map<string, number>()
  const tensors = new Map<string, HeldTensor>()
  let [name, domain, operator, hasGraph] = ["", "", "", false]
  while (node.next()) {
    if (node.wireType !== WIRE.bytes) continue
    const { field } = node
    if (field === NODE.input) inputs.push(readText(node, "an input of a node"))
    else if (field === NODE.output) outputs.push(readText(node, "an output of a node"))
    else if (field === NODE.name) name = readText(node, "the name of a node")
    else if (field === NODE.operator) operator = readText(node, "an operator")
    else if (field === NODE.domain) domain = readText(node, "the domain of a node")
    else if (field === NODE.attribute) {
      const read = readAttribute(node.message())
      hasGraph ||= read.hasGraph
      integers.set(read.name, read.integers)
      texts.set(read.name, read.texts)
      if (read.tensor !== undefined) tensors.set(read.name, read.tensor)
    }
  }
  return { name, domain, operator, inputs, outputs, integers, texts, tensors, hasGraph }
}

const readAttribute = (attribute: WireReader) => {
  const integers: Array<number> = []
  let name = ""
  let texts = 0
  let tensor: HeldTensor | undefined
  let hasGraph = false
  while (attribute.next()) {
    const { field } = attribute
    if (field === ATTRIBUTE.name) name = readText(attribute, "the name of an attribute")
    else if (field === ATTRIBUTE.integer && attribute.wireType === WIRE.varint)
      integers.push(Number(attribute.integer))
    else if (field === ATTRIBUTE.integers) readNumbers(attribute, integers)
    else if (field === ATTRIBUTE.strings) texts++
    else if (field === ATTRIBUTE.tensor) tensor = readTensor(attribute.message()).held
    else if (field === ATTRIBUTE.graph || field === ATTRIBUTE.graphs) hasGraph = true
  }
  return { name, integers, texts, tensor, hasGraph }
}

/** One more than the most tells that there were more. */
const readNumbers = (field: WireReader, into: Array<number>): void => {
  if (field.wireType === WIRE.varint) {
    if (into.length <= INTEGERS_MAX) into.push(Number(field.integer))
    return
  }
  for (const value of field.packedIntegers()) {
    if (into.length > INTEGERS_MAX) return
    into.push(Number(value))
  }
}

const readSparse = (sparse: WireReader) => {
  const shape: Array<number> = []
  let name = ""
  while (sparse.next()) {
    if (sparse.field === SPARSE.dims) readNumbers(sparse, shape)
    else if (sparse.field === SPARSE.values && sparse.wireType === WIRE.bytes)
      name = readTensor(sparse.message()).name
  }
  return { name, held: { shape, integers: undefined } }
}

const readTensor = (tensor: WireReader): { readonly name: string; readonly held: HeldTensor } => {
  const shape: Array<number> = []
  const numbers: Array<number> = []
  let raw: Uint8Array | undefined
  let [name, type] = ["", 0]
  while (tensor.next()) {
    const { field } = tensor
    if (field === TENSOR.dims) readNumbers(tensor, shape)
    else if (field === TENSOR.type) type = Number(tensor.integer)
    else if (field === TENSOR.int32 || field === TENSOR.int64) readNumbers(tensor, numbers)
    else if (field === TENSOR.name) name = readText(tensor, "the name of a tensor")
    else if (field === TENSOR.raw && tensor.wireType === WIRE.bytes) raw = tensor.view
  }
  const count = shape.reduce((product, dimension) => product * dimension, 1)
  const integers =
    (type === INT64 || type === INT32) && count <= INTEGERS_MAX
      ? raw === undefined
        ? numbers
        : rawIntegers(raw, type)
      : undefined
  return { name, held: { shape, integers: integers?.length === count ? integers : undefined } }
}

const rawIntegers = (raw: Uint8Array, type: number): ReadonlyArray<number> => {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const width = type === INT64 ? 8 : 4
  return Array.from({ length: Math.floor(raw.byteLength / width) }, (_, index) =>
    type === INT64 ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true),
  )
}

/** Version of the default operators that the model imports. */
export const opsetOf = (graph: OnnxGraph): number => graph.opsets.get("ai.onnx") ?? 0
