// Reads what a model takes and gives out of an ONNX file that nobody has vouched for, without the
// runtime. It refuses what could not be served (external data, values without a form on the wire)
// and does not check the mathematics.
import { TENSORS_MAX } from "#proto/request"
import type { TensorSpec } from "#proto/signature"
import { refuse } from "./model-refused.ts"
import { type OnnxValue, readText, readValue } from "./onnx-value.ts"
import { MalformedWire, WIRE, WireReader } from "./wire-reader.ts"

/** Protobuf's own limit for one message. */
export const MODEL_BYTES_MAX = 2 ** 31 - 1
/** Graphs inside attributes of nodes (If, Loop, Scan); real models nest two or three deep. */
const GRAPH_DEPTH_MAX = 32
const METADATA_ENTRIES_MAX = 1_024
const METADATA_VALUE_MAX_BYTES = 1 << 20
const OPSETS_MAX = 256
/** Longer lists of classes stay in the model: nobody reads them in a signature. */
const CLASSES_MAX = 1_024
/** Initializers may be listed as inputs, so more inputs are listed than a request can have. */
const LISTED_INPUTS_MAX = 65_536

/** Field numbers of onnx.proto. */
const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8, metadata: 14, function: 25 }
const OPSET = { domain: 1, version: 2 }
const ENTRY = { key: 1, value: 2 }
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparseInitializer: 15 }
const FUNCTION = { node: 7, attribute: 11 }
const NODE_ATTRIBUTE = 5
const ATTRIBUTE = {
  name: 1,
  tensor: 5,
  graph: 6,
  integers: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  sparseTensor: 22,
  sparseTensors: 23,
}
const TENSOR = { name: 8, externalData: 13, dataLocation: 14 }
const SPARSE_TENSOR = { values: 1, indices: 2 }

export type OnnxClasses = ReadonlyArray<string | number>

export interface OnnxGraph {
  readonly name: string
  readonly producer: string
  readonly irVersion: number
  /** Version by domain; the default domain is "ai.onnx". */
  readonly opsets: ReadonlyMap<string, number>
  readonly metadata: ReadonlyMap<string, string>
  /**
   * What a caller must give: graph inputs that have no initializer. −1 stands for a dimension that
   * varies.
   */
  readonly inputs: ReadonlyArray<TensorSpec>
  readonly outputs: ReadonlyArray<TensorSpec>
  /** Outputs whose number of dimensions the file does not tell; their shape above is []. */
  readonly unranked: ReadonlySet<string>
  /** What the classifier nodes name as classes, when they name exactly one list. */
  readonly classes: OnnxClasses | undefined
}

/** What one walk over the file collects. */
interface Findings {
  name: string
  producer: string
  irVersion: number
  graphs: number
  readonly opsets: Map<string, number>
  readonly metadata: Map<string, string>
  readonly inputs: Array<OnnxValue>
  readonly outputs: Array<OnnxValue>
  readonly initialized: Set<string>
  readonly classes: Map<string, OnnxClasses>
}

/**
 * Reads the signature, the opsets and the metadata of an ONNX file. Throws ModelRefused with the
 * reason.
 */
export const readGraph = (bytes: Uint8Array): OnnxGraph => {
  if (bytes.byteLength > MODEL_BYTES_MAX)
    return refuse(`the file has ${bytes.byteLength} bytes; the limit is ${MODEL_BYTES_MAX}`)
  const found: Findings = {
    name: "",
    producer: "",
    irVersion: 0,
    graphs: 0,
    opsets: new Map(),
    metadata: new Map(),
    inputs: [],
    outputs: [],
    initialized: new Set(),
    classes: new Map(),
  }
  try {
    walkModel(new WireReader(bytes), found)
    return conclude(found)
  } catch (cause) {
    if (cause instanceof MalformedWire) return refuse(`the file is no ONNX model: ${cause.message}`)
    throw cause
  }
}

const conclude = (found: Findings): OnnxGraph => {
  if (found.graphs === 0) return refuse("the file is no ONNX model: it has no graph")
  const required = found.inputs.filter(({ name }) => !found.initialized.has(name))
  for (const [role, values] of [
    ["inputs", required],
    ["outputs", found.outputs],
  ] as const) {
    if (values.length > TENSORS_MAX)
      return refuse(`the model has ${values.length} ${role}; the limit is ${TENSORS_MAX}`)
    if (new Set(values.map(({ name }) => name)).size < values.length)
      return refuse(`two of the model's ${role} have the same name`)
    if (values.some(({ name }) => name === "")) return refuse(`one of the ${role} has no name`)
  }
  if (found.outputs.length === 0) return refuse("the model has no output")
  const inputs = required.map((value) => value.read())
  const formless = inputs.find(({ ranked }) => !ranked)
  if (formless !== undefined)
    return refuse(`input ${formless.spec.name} declares no shape: export the model with one`)
  const outputs = found.outputs.map((value) => value.read())
  return {
    name: found.name,
    producer: found.producer,
    irVersion: found.irVersion,
    opsets: found.opsets,
    metadata: found.metadata,
    inputs: inputs.map(({ spec }) => spec),
    outputs: outputs.map(({ spec }) => spec),
    unranked: new Set(outputs.filter(({ ranked }) => !ranked).map(({ spec }) => spec.name)),
    classes: found.classes.size === 1 ? found.classes.values().next().value : undefined,
  }
}

const walkModel = (model: WireReader, found: Findings): void => {
  while (model.next()) {
    if (model.field === MODEL.irVersion) found.irVersion = Number(model.integer)
    else if (model.wireType !== WIRE.bytes) continue
    else if (model.field === MODEL.producer) found.producer = readText(model, "the producer")
    else if (model.field === MODEL.opset) readOpset(model.message(), found.opsets)
    else if (model.field === MODEL.metadata) readEntry(model.message(), found.metadata)
    else if (model.field === MODEL.function) walkFunction(model.message(), found)
    else if (model.field === MODEL.graph) {
      found.graphs++
      walkGraph(model.message(), 1, found, found)
    }
  }
}

const readOpset = (opset: WireReader, opsets: Map<string, number>): void => {
  let domain = ""
  let version = 0
  while (opset.next()) {
    if (opset.field === OPSET.domain) domain = readText(opset, "the domain of an opset")
    else if (opset.field === OPSET.version) version = Number(opset.integer)
  }
  if (opsets.size >= OPSETS_MAX) return refuse(`the model imports more than ${OPSETS_MAX} opsets`)
  opsets.set(domain === "" ? "ai.onnx" : domain, version)
}

const readEntry = (entry: WireReader, metadata: Map<string, string>): void => {
  let key = ""
  let value = ""
  while (entry.next()) {
    if (entry.field === ENTRY.key) key = readText(entry, "a key of metadata_props")
    else if (entry.field === ENTRY.value)
      value = readText(entry, `metadata_props ${key}`, METADATA_VALUE_MAX_BYTES)
  }
  if (metadata.size >= METADATA_ENTRIES_MAX)
    return refuse(`the model has more than ${METADATA_ENTRIES_MAX} metadata_props`)
  metadata.set(key, value)
}

/** `top` is given for the model's own graph: only its inputs and outputs are the caller's. */
const walkGraph = (graph: WireReader, depth: number, found: Findings, top?: Findings): void => {
  if (depth > GRAPH_DEPTH_MAX) return refuse(`graphs are nested deeper than ${GRAPH_DEPTH_MAX}`)
  while (graph.next()) {
    if (graph.wireType !== WIRE.bytes) continue
    if (graph.field === GRAPH.node) walkNode(graph.message(), depth, found)
    else if (graph.field === GRAPH.initializer)
      collectInitializer(checkTensor(graph.message()), top)
    else if (graph.field === GRAPH.sparseInitializer)
      collectInitializer(checkSparseTensor(graph.message()), top)
    else if (top === undefined) continue
    else if (graph.field === GRAPH.name) top.name = readText(graph, "the name of the graph")
    else if (graph.field === GRAPH.output) collectValue(graph.message(), "output", top.outputs)
    else if (graph.field === GRAPH.input) collectValue(graph.message(), "input", top.inputs)
  }
}

const collectInitializer = (name: string, top: Findings | undefined): void => {
  if (top !== undefined) top.initialized.add(name)
}

const collectValue = (value: WireReader, role: string, values: Array<OnnxValue>): void => {
  if (values.length >= LISTED_INPUTS_MAX)
    return refuse(`the graph lists more than ${LISTED_INPUTS_MAX} ${role}s`)
  values.push(readValue(value, role))
}

const walkFunction = (body: WireReader, found: Findings): void => {
  while (body.next()) {
    if (body.wireType !== WIRE.bytes) continue
    if (body.field === FUNCTION.node) walkNode(body.message(), 1, found)
    else if (body.field === FUNCTION.attribute) walkAttribute(body.message(), 1, found)
  }
}

const walkNode = (node: WireReader, depth: number, found: Findings): void => {
  while (node.next()) {
    if (node.field === NODE_ATTRIBUTE && node.wireType === WIRE.bytes)
      walkAttribute(node.message(), depth, found)
  }
}

const walkAttribute = (attribute: WireReader, depth: number, found: Findings): void => {
  let labels = false
  const classes: Array<string | number> = []
  while (attribute.next()) {
    const { field } = attribute
    if (field === ATTRIBUTE.integers && labels) readIntegers(attribute, classes)
    if (attribute.wireType !== WIRE.bytes) continue
    if (field === ATTRIBUTE.name)
      labels = readText(attribute, "the name of an attribute").startsWith("classlabels_")
    else if (field === ATTRIBUTE.strings && labels && classes.length <= CLASSES_MAX)
      classes.push(readText(attribute, "a class label"))
    else if (field === ATTRIBUTE.tensor || field === ATTRIBUTE.tensors)
      checkTensor(attribute.message())
    else if (field === ATTRIBUTE.sparseTensor || field === ATTRIBUTE.sparseTensors)
      checkSparseTensor(attribute.message())
    else if (field === ATTRIBUTE.graph || field === ATTRIBUTE.graphs)
      walkGraph(attribute.message(), depth + 1, found)
  }
  const exact = classes.every((label) => typeof label === "string" || Number.isSafeInteger(label))
  if (exact && classes.length > 0 && classes.length <= CLASSES_MAX)
    found.classes.set(JSON.stringify(classes), classes)
}

/**
 * One number, or a packed run of them; numbers that JSON cannot carry exactly are not read as
 * classes.
 */
const readIntegers = (field: WireReader, classes: Array<string | number>): void => {
  if (field.wireType === WIRE.varint) {
    if (classes.length <= CLASSES_MAX) classes.push(Number(field.integer))
    return
  }
  for (const value of field.packedIntegers()) {
    if (classes.length > CLASSES_MAX) return
    classes.push(Number(value))
  }
}

/** Returns the tensor's name. Throws ModelRefused when its data lie in another file. */
const checkTensor = (tensor: WireReader): string => {
  let name = ""
  let external = false
  while (tensor.next()) {
    if (tensor.field === TENSOR.name) name = readText(tensor, "the name of a tensor")
    else if (tensor.field === TENSOR.externalData) external = true
    else if (tensor.field === TENSOR.dataLocation && tensor.integer !== 0n) external = true
  }
  if (external)
    return refuse(`tensor ${name} has external data: save the model as one file (no external data)`)
  return name
}

const checkSparseTensor = (sparse: WireReader): string => {
  let name = ""
  while (sparse.next()) {
    if (sparse.wireType !== WIRE.bytes) continue
    if (sparse.field === SPARSE_TENSOR.values) name = checkTensor(sparse.message())
    else if (sparse.field === SPARSE_TENSOR.indices) checkTensor(sparse.message())
  }
  return name
}
