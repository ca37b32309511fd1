// Reads from a model's graph whether a row of its answer can depend on any row of the request but
// its own. It is conservative: an operator that it does not know may mix rows.
import type { OnnxGraph } from "./onnx-graph.ts"
import { type OnnxNode, opsetOf, readNodes } from "./onnx-nodes.ts"
import { ruleOf } from "./row-rules.ts"
import { axisOf, fixed, rows, ROWS, UNKNOWN, type Value } from "./row-values.ts"

/** Below it Add and its like line shapes up in another way. */
const OPSET_LEAST = 7
/** Of a name in a sentence. */
const NAME_MAX_CHARACTERS = 80

const OWN_RANDOMNESS = /^(Random|Bernoulli|Multinomial)/

const describeNode = ({ name, operator, outputs }: OnnxNode): string => {
  const said = (name === "" ? (outputs[0] ?? "") : name).slice(0, NAME_MAX_CHARACTERS)
  return `${operator.slice(0, NAME_MAX_CHARACTERS)} (node ${said})`
}

/** Undefined when the outputs of the node are not known to keep rows apart. */
const follow = (
  node: OnnxNode,
  opset: number,
  values: ReadonlyMap<string, Value>,
): ReadonlyArray<Value> | undefined => {
  if (node.hasGraph) return undefined
  const inputs: Array<Value | undefined> = []
  for (const name of node.inputs) {
    const value = values.get(name)
    if (name !== "" && value === undefined) return undefined
    inputs.push(value)
  }
  const outcome = ruleOf(node)?.({ node, inputs, opset })
  if (outcome !== undefined) return outcome
  const isSame = inputs.every((value) => value === undefined || value.kind === "fixed")
  return isSame && !OWN_RANDOMNESS.test(node.operator) ? node.outputs.map(() => fixed()) : undefined
}

/**
 * Why rows of different requests may not share a run, as a clause that names the operator;
 * undefined when the graph keeps every row apart.
 */
export const findRowMixing = (bytes: Uint8Array, graph: OnnxGraph): string | undefined => {
  const { nodes, initializers, hasFunctions, isCut } = readNodes(bytes)
  if (hasFunctions) return "the file defines operators of its own, which may mix rows"
  if (isCut) return "the graph is too large to be followed"
  const opset = opsetOf(graph)
  if (graph.opsets.has("ai.onnx") && opset < OPSET_LEAST)
    return `the graph is of opset ${opset}, older than ${OPSET_LEAST}, and is not followed`
  const values = new Map<string, Value>()
  for (const [name, { shape, integers }] of initializers) values.set(name, fixed(shape, integers))
  for (const { name, shape } of graph.inputs) {
    const value = rows(shape.map((size, axis) => (axis === 0 ? ROWS : size < 0 ? UNKNOWN : size)))
    if (value !== undefined) values.set(name, value)
  }
  for (const node of nodes) {
    const outputs = follow(node, opset, values)
    if (outputs === undefined) return `${describeNode(node)} may mix rows`
    node.outputs.forEach((name, index) => {
      const value = outputs[index]
      if (name !== "" && value !== undefined) values.set(name, value)
    })
  }
  const strange = graph.outputs.find(({ name }) => {
    const value = values.get(name)
    return value?.kind !== "rows" || axisOf(value) !== 0
  })
  return strange === undefined ? undefined : `output ${strange.name} has not one entry for each row`
}
