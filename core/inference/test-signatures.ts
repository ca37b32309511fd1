// What the tests of this folder share: signatures written by hand, tensors made of plain values,
// and numbers that look random and are the same in every run.
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"

/** Strings, integers, floats and booleans in one model; only the distance may be missing. */
export const MIXED: Signature = {
  task: "classification",
  label: "label",
  probability: "probabilities",
  batching: true,
  features: [
    { name: "distance", tensor: "numbers", column: 0, type: "number", missing: "nan" },
    { name: "hour", tensor: "numbers", column: 1, type: "integer" },
    { name: "origin", tensor: "origin", column: 0, type: "string" },
    { name: "flight", tensor: "flight", column: 0, type: "integer" },
    { name: "weekend", tensor: "weekend", column: 0, type: "boolean" },
  ],
  inputs: [
    { name: "numbers", datatype: "FP32", shape: [-1, 2] },
    { name: "origin", datatype: "BYTES", shape: [-1, 1] },
    { name: "flight", datatype: "INT64", shape: [-1] },
    { name: "weekend", datatype: "BOOL", shape: [-1, 1] },
  ],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "probabilities", datatype: "FP32", shape: [-1, 2] },
  ],
}

/** One input that is no table of features. */
export const IMAGE: Signature = {
  task: "other",
  batching: false,
  features: [],
  inputs: [{ name: "image", datatype: "FP32", shape: [1, 2, 2] }],
  outputs: [{ name: "out", datatype: "FP32", shape: [1, 2] }],
}

export const bytesOf = (view: ArrayBufferView<ArrayBuffer>): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

export const tensor = (
  name: string,
  datatype: Tensor["datatype"],
  shape: ReadonlyArray<number>,
  data: ArrayBufferView<ArrayBuffer>,
): Tensor => ({ name, datatype, shape, data: bytesOf(data) })

/** Texts in the form of BYTES, written independently of the code under test. */
export const texts = (...values: ReadonlyArray<string>): Uint8Array<ArrayBuffer> => {
  const parts = values.flatMap((value) => {
    const bytes = new TextEncoder().encode(value)
    return [bytesOf(new Uint32Array([bytes.byteLength])), bytes]
  })
  return new Uint8Array(Buffer.concat(parts))
}

/** The value when it is good; a failed test with the sentence when it is not. */
export const good = <Value>(value: Value | BadRequest): Value => {
  if (value instanceof BadRequest) throw new Error(value.message)
  return value
}

/** The sentence of what is wrong; a failed test when nothing is. */
export const sentence = (value: unknown): string => {
  if (value instanceof BadRequest) return value.message
  throw new Error("accepted what should have been refused")
}

/** Numbers from 0 up to 1 that depend on the seed alone (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
