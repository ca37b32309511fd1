// Puts requests of one model version together for one run and takes the outputs apart again, on
// bytes alone. It decides which requests may share a run; when they do is the caller's matter.
import { Schema } from "effect"
import type { Signature } from "#proto/signature"
import { ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { RunMemory } from "./run-memory.ts"

/**
 * Most rows in one run: above some hundred rows a run gains nothing and only makes the others wait.
 */
export const BATCH_ROWS_MAX = 512

/** The part of a request that a run needs. */
export interface Member {
  readonly inputs: ReadonlyArray<Tensor>
  /** Names of the outputs, in the order in which they are wanted; all when absent or empty. */
  readonly outputs?: ReadonlyArray<string>
}

export interface Batch {
  readonly inputs: ReadonlyArray<Tensor>
  /** Every output that a member wants, in the model's order; absent for all. */
  readonly outputs: ReadonlyArray<string> | undefined
  /** Rows of each member, in their order. */
  readonly sizes: ReadonlyArray<number>
}

/** The outputs do not have one row for each row of the inputs: run the members one by one. */
export class BatchIndivisible extends Schema.TaggedError<BatchIndivisible>()("BatchIndivisible", {
  output: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `output ${this.output} cannot be divided: ${this.reason}`
  }
}

/** Rows of a request: the first dimension, which all inputs share; undefined when they do not. */
export const rowsOf = ({ inputs }: Member): number | undefined => {
  const rows = inputs[0]?.shape[0]
  for (const { shape } of inputs) if (shape[0] !== rows) return undefined
  return rows
}

const named = (tensors: ReadonlyArray<Tensor>, name: string, at: number): Tensor | undefined => {
  const likely = tensors[at]
  if (likely?.name === name) return likely
  for (const tensor of tensors) if (tensor.name === name) return tensor
  return undefined
}

const FIXED = "fixed"
const fixed = new WeakMap<Signature, boolean>()
/** Whether what passed the check differs in rows alone. */
const hasFixedShapes = (signature: Signature): boolean => {
  const known = fixed.get(signature)
  if (known !== undefined) return known
  const found = signature.inputs.every(({ shape }) => !shape.slice(1).includes(-1))
  fixed.set(signature, found)
  return found
}

/**
 * For requests that were checked against the signature. Those with the same key may share a run of
 * this model version; undefined means that this one runs alone: the model does not allow it, the
 * inputs differ in rows or there are none, or it fills a batch by itself.
 */
export const shapeKey = (signature: Signature, request: Member): string | undefined => {
  if (!signature.batching || request.inputs.length !== signature.inputs.length) return undefined
  const rows = rowsOf(request)
  if (rows === undefined || rows < 1 || rows >= BATCH_ROWS_MAX) return undefined
  if (hasFixedShapes(signature)) return FIXED
  let key = ""
  for (let at = 0; at < signature.inputs.length; at++) {
    const input = named(request.inputs, signature.inputs[at]?.name ?? "", at)
    if (input === undefined) return undefined
    key += `${input.datatype}:${input.shape.slice(1).join("x")};`
  }
  return key
}

/**
 * One run for members of the same key. A single member is passed on as it is, without a copy; the
 * others are copied to where `memory` has room, whose it is again after the run.
 */
export const concatenate = (
  signature: Signature,
  members: ReadonlyArray<Member>,
  memory: Pick<RunMemory, "take"> = new RunMemory(),
): Batch => {
  const outputs = wantedOutputs(signature, members)
  const sizes: Array<number> = []
  let rows = 0
  for (const member of members) {
    const size = rowsOf(member) ?? 0
    sizes.push(size)
    rows += size
  }
  const only = members[0]
  if (only !== undefined && members.length === 1) return { inputs: only.inputs, outputs, sizes }
  const inputs = signature.inputs.map(({ name }, at) => join(name, at, members, rows, memory))
  return { inputs, outputs, sizes }
}

const join = (
  name: string,
  place: number,
  members: ReadonlyArray<Member>,
  rows: number,
  memory: Pick<RunMemory, "take">,
): Tensor => {
  let first: Tensor | undefined
  let bytes = 0
  for (const { inputs } of members) {
    const part = named(inputs, name, place)
    first ??= part
    bytes += part?.data.byteLength ?? 0
  }
  const data = memory.take(bytes)
  let at = 0
  for (const { inputs } of members) {
    const part = named(inputs, name, place)
    if (part === undefined) continue
    data.set(part.data, at)
    at += part.data.byteLength
  }
  const rowShape = first?.shape.slice(1) ?? []
  return { name, datatype: first?.datatype ?? "UINT8", shape: [rows, ...rowShape], data }
}

const wantsAll = ({ outputs }: Member): boolean => outputs === undefined || outputs.length === 0

const wantedOutputs = (
  signature: Signature,
  members: ReadonlyArray<Member>,
): ReadonlyArray<string> | undefined => {
  if (members.some(wantsAll)) return undefined
  const wanted = new Set(members.flatMap(({ outputs }) => outputs ?? []))
  if (wanted.size >= signature.outputs.length) return undefined
  return signature.outputs.map(({ name }) => name).filter((name) => wanted.has(name))
}

/**
 * The outputs of each member, those that it wants in its order; the data are views of the run's
 * outputs. Throws BatchIndivisible when an output has another number of rows than the batch.
 */
export const split = (
  outputs: ReadonlyArray<Tensor>,
  members: ReadonlyArray<Member>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<ReadonlyArray<Tensor>> => {
  const parts: Array<Array<Tensor>> = members.map(() => [])
  if (members.length === 1) parts[0]?.push(...outputs)
  else {
    const rows = sizes.reduce((sum, size) => sum + size, 0)
    for (const output of outputs) divide(output, sizes, rows, parts)
  }
  return members.some((member) => !wantsAll(member))
    ? members.map((member, index) => choose(parts[index] ?? [], member))
    : parts
}

const choose = (outputs: ReadonlyArray<Tensor>, member: Member): ReadonlyArray<Tensor> =>
  wantsAll(member)
    ? outputs
    : (member.outputs ?? []).flatMap((name, at) => named(outputs, name, at) ?? [])

/** Adds to each member's parts its rows of the output. */
const divide = (
  output: Tensor,
  sizes: ReadonlyArray<number>,
  rows: number,
  parts: ReadonlyArray<Array<Tensor>>,
): void => {
  const { name, datatype } = output
  if (output.shape[0] !== rows)
    throw new BatchIndivisible({
      output: name,
      reason: `it has shape [${output.shape.join(", ")}], the batch has ${rows} rows`,
    })
  const rowShape = output.shape.slice(1)
  const rowElements = elementCount(rowShape)
  const elementBytes = ELEMENT_BYTES[datatype]
  let from = 0
  let shape: ReadonlyArray<number> = []
  for (let index = 0; index < sizes.length; index++) {
    const size = sizes[index] ?? 0
    const to =
      datatype === "BYTES"
        ? skipTexts(output, from, size * rowElements)
        : from + size * rowElements * elementBytes
    // Nearly all have as many rows as the one before.
    if (shape[0] !== size) shape = [size, ...rowShape]
    parts[index]?.push({ name, datatype, shape, data: output.data.subarray(from, to) })
    from = to
  }
}

/** The position after `count` elements of a BYTES tensor, each a length and its bytes. */
const skipTexts = ({ name, data }: Tensor, from: number, count: number): number => {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = from
  for (let index = 0; index < count; index++) {
    if (at + 4 > data.byteLength)
      throw new BatchIndivisible({ output: name, reason: `it ends inside element ${index}` })
    at += 4 + view.getUint32(at, true)
  }
  return at
}
