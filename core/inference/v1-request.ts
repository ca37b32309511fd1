// The bodies of the V1 protocol as tensors: `instances`, a list of rows, or `inputs`, all rows of
// each tensor together. Rows of features are read as those of `/predict`; other models take nested
// arrays, by the names of their inputs where they have several.
import type { InferenceRequest } from "#proto/request"
import type { Signature, TensorSpec } from "#proto/signature"
import { DIMENSIONS_MAX, elementCount, type Tensor } from "#proto/tensor"
import { BadRequest, listed, shown } from "./bad-request.ts"
import { ELEMENTS_MAX } from "./check.ts"
import * as Body from "./json-body.ts"
import { readNested } from "./json-data.ts"
import { takesRows } from "./feature-rows.ts"
import { parsePredictRequest, type RowsMember } from "./rows.ts"

const INSTANCES: RowsMember = { member: "instances", scalars: true }

export interface ParsedV1 {
  readonly request: InferenceRequest
  /** All rows of each tensor together, which is how they are answered as well. */
  readonly columnar: boolean
}

/** The dimensions that the first elements show; the others are held against them when read. */
const measure = (given: unknown): ReadonlyArray<number> => {
  const shape: Array<number> = []
  let inner = given
  while (Array.isArray(inner) && shape.length <= DIMENSIONS_MAX) {
    const values: ReadonlyArray<unknown> = inner
    shape.push(values.length)
    inner = values[0]
  }
  return shape
}

/** Rows of one value each may leave its brackets out: trailing dimensions of 1 are added. */
const completed = (shape: ReadonlyArray<number>, spec: TensorSpec): ReadonlyArray<number> => {
  const missing = spec.shape.slice(shape.length)
  return missing.every((dimension) => dimension === 1 || dimension === -1)
    ? [...shape, ...missing.map(() => 1)]
    : shape
}

interface Reading {
  readonly signature: Signature
  /** Each element takes at least two characters, so the body's length bounds what is allocated. */
  readonly elementsMax: number
}

const tensorOf = (
  { elementsMax }: Reading,
  spec: TensorSpec,
  given: unknown,
  path: string,
): Tensor | BadRequest => {
  const { name, datatype } = spec
  const measured = measure(given)
  if (measured.length > DIMENSIONS_MAX)
    return new BadRequest(path, `at most ${DIMENSIONS_MAX} dimensions`, "more")
  const count = elementCount(measured)
  if (count === 0) return new BadRequest(path, "at least one value", "none")
  if (count > elementsMax)
    return new BadRequest(path, "rows as long as the first", "shorter ones, or too many")
  const data = readNested(path, given, datatype, measured)
  if (data instanceof BadRequest) return data
  return { name, datatype, shape: completed(measured, spec), data }
}

const tensorsOf = (
  reading: Reading,
  valueOf: (spec: TensorSpec) => unknown,
  pathOf: (spec: TensorSpec) => string,
): ReadonlyArray<Tensor> | BadRequest => {
  const tensors: Array<Tensor> = []
  for (const spec of reading.signature.inputs) {
    const given = valueOf(spec)
    if (given === undefined) return new BadRequest(pathOf(spec), "values", "nothing")
    const tensor = tensorOf(reading, spec, given, pathOf(spec))
    if (tensor instanceof BadRequest) return tensor
    tensors.push(tensor)
  }
  return tensors
}

/** The first of `names` that no input has. */
const unknownName = (
  signature: Signature,
  names: ReadonlyArray<string>,
  path: string,
): BadRequest | undefined => {
  const known = signature.inputs.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  return unknown === undefined
    ? undefined
    : new BadRequest(path, `only inputs (${listed(known)})`, shown(unknown))
}

const single = (signature: Signature, path: string, given: unknown): BadRequest | undefined => {
  if (signature.inputs.length === 1) return undefined
  const names = listed(signature.inputs.map(({ name }) => name))
  return new BadRequest(path, `an object with the inputs ${names}`, shown(given))
}

const readInstances = (
  reading: Reading,
  rows: ReadonlyArray<unknown>,
): ReadonlyArray<Tensor> | BadRequest => {
  const { signature } = reading
  const [first] = rows
  if (!Body.isObject(first))
    return (
      single(signature, "instances[0]", first) ??
      tensorsOf(
        reading,
        () => rows,
        () => "instances",
      )
    )
  for (const [index, row] of rows.entries()) {
    const path = `instances[${index}]`
    if (!Body.isObject(row)) return new BadRequest(path, "an object as in the first", shown(row))
    const fault = unknownName(signature, Object.keys(row), path)
    if (fault !== undefined) return fault
  }
  const column = ({ name }: TensorSpec) =>
    rows.map((row) => (Body.isObject(row) && Object.hasOwn(row, name) ? row[name] : undefined))
  return tensorsOf(reading, column, ({ name }) => `instances.${name}`)
}

const readColumns = (reading: Reading, given: unknown): ReadonlyArray<Tensor> | BadRequest => {
  const { signature } = reading
  if (!Body.isObject(given))
    return (
      single(signature, "inputs", given) ??
      tensorsOf(
        reading,
        () => given,
        () => "inputs",
      )
    )
  const fault = unknownName(signature, Object.keys(given), "inputs")
  if (fault !== undefined) return fault
  const column = ({ name }: TensorSpec) => (Object.hasOwn(given, name) ? given[name] : undefined)
  return tensorsOf(reading, column, ({ name }) => `inputs.${name}`)
}

/** Whether rows are features: not where each value of a row is a tensor of its own. */
const areRows = (signature: Signature, first: unknown): boolean =>
  takesRows(signature) && !(Body.isObject(first) && Object.values(first).some(Array.isArray))

const keysOf = (body: Body.JsonObject): number => {
  const { instances } = body
  const rows: ReadonlyArray<unknown> = Array.isArray(instances) ? instances : []
  return rows.reduce(
    (keys: number, row) => keys + Body.keyCount(row),
    Body.keyCount(body) + Body.keyCount(body["inputs"]),
  )
}

/** Reads `{"instances": [row, …]}` or `{"inputs": tensor or {name: tensor}}`. */
export const parseV1Request = (signature: Signature, text: string): ParsedV1 | BadRequest => {
  const body = Body.parseBody(text)
  if (body instanceof BadRequest) return body
  const repeated = Body.refuseRepeatedKeys(text, keysOf(body))
  if (repeated !== undefined) return repeated
  const reading = { signature, elementsMax: Math.min(ELEMENTS_MAX, text.length) }
  const { instances, inputs } = body
  const columnar = !Body.isAbsent(inputs)
  if (columnar && !Body.isAbsent(instances))
    return new BadRequest("body", "either instances or inputs", "both")
  if (columnar) {
    const tensors = readColumns(reading, inputs)
    return tensors instanceof BadRequest ? tensors : { request: { inputs: tensors }, columnar }
  }
  if (!Array.isArray(instances))
    return new BadRequest("instances", "an array of rows", shown(instances))
  if (instances.length === 0) return new BadRequest("instances", "at least one row", "none")
  const rows: ReadonlyArray<unknown> = instances
  if (areRows(signature, rows[0])) {
    const request = parsePredictRequest(signature, text, INSTANCES)
    if (request instanceof BadRequest) return request
    return { request: { inputs: request.inputs }, columnar }
  }
  const tensors = readInstances(reading, rows)
  return tensors instanceof BadRequest ? tensors : { request: { inputs: tensors }, columnar }
}
