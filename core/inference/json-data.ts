// The `data` of one input: nested or flat JSON arrays of any datatype, checked against the shape
// while they are copied. It trusts the name, datatype and shape that json-request.ts has read.
import { type Datatype, elementCount } from "#proto/tensor"
import { BadRequest, cut, shown } from "./bad-request.ts"
import { mayUnderflow, scanIntegers } from "./integer-scan.ts"
import { type ElementStore, elementStore } from "./element-store.ts"
import { expectedElement } from "./json-elements.ts"
import { bodyStart, elementStart, memberStart } from "./json-text.ts"

interface Reading {
  /** Of the data; of an input its index, whose path is written only when something is wrong. */
  readonly place: string | number
  readonly datatype: Datatype
  readonly shape: ReadonlyArray<number>
  readonly nested: boolean
  readonly store: ElementStore
}

const pathOf = (place: string | number): string =>
  typeof place === "number" ? `inputs[${place}].data` : place

/**
 * Where element `flat` stands in the caller's own form of the data; only the first `levels` indices
 * when nested.
 */
const elementPath = (reading: Reading, flat: number, levels = reading.shape.length): string => {
  if (!reading.nested) return `${pathOf(reading.place)}[${flat}]`
  let rest = flat
  let path = ""
  let stride = elementCount(reading.shape)
  for (const dimension of reading.shape.slice(0, levels)) {
    stride /= dimension
    path += `[${Math.floor(rest / stride)}]`
    rest %= stride
  }
  return `${pathOf(reading.place)}${path}`
}

const wrongElement = (
  reading: Reading,
  flat: number,
  value: unknown,
  got = shown(value),
): BadRequest => {
  const expected = expectedElement(reading.datatype, value)
  return new BadRequest(elementPath(reading, flat), expected, got)
}

const fillRun = (
  reading: Reading,
  values: ReadonlyArray<unknown>,
  at: number,
): BadRequest | undefined => {
  const wrong = reading.store.fill(values, at)
  return wrong === -1 ? undefined : wrongElement(reading, at + wrong, values[wrong])
}

/** Goes no deeper than the shape, so depth is bounded by DIMENSIONS_MAX whatever the body holds. */
const fillNested = (
  reading: Reading,
  values: unknown,
  level: number,
  at: number,
): BadRequest | undefined => {
  const dimension = reading.shape[level] ?? 0
  if (!Array.isArray(values) || values.length !== dimension) {
    const got = shown(values)
    return new BadRequest(elementPath(reading, at, level), `an array of ${dimension}`, got)
  }
  const rows: ReadonlyArray<unknown> = values
  if (level === reading.shape.length - 1) return fillRun(reading, rows, at)
  const stride = elementCount(reading.shape, level + 1)
  for (let index = 0; index < dimension; index++) {
    const fault = fillNested(reading, rows[index], level + 1, at + index * stride)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Reads the numbers of `data` again from the text, where they have all their digits. */
const fillExactly = (reading: Reading, text: string, input: number): BadRequest | undefined => {
  const wide = reading.store.wide
  if (wide === undefined || !(wide.rounded || mayUnderflow(text))) return undefined
  const inputs = memberStart(text, bodyStart(text), "inputs") ?? 0
  const data = memberStart(text, elementStart(text, inputs, input), "data") ?? 0
  const fault = scanIntegers(text, data, wide.exact())
  return fault && wrongElement(reading, fault.index, Number(fault.token), cut(fault.token))
}

/**
 * The bytes of nested arrays that stand at `path` of another kind of body, for a shape that was
 * measured on them. Whole numbers that JSON.parse has rounded are refused.
 */
export const readNested = (
  path: string,
  given: unknown,
  datatype: Datatype,
  shape: ReadonlyArray<number>,
): Uint8Array | BadRequest => {
  const reading = {
    place: path,
    datatype,
    shape,
    nested: true,
    store: elementStore(datatype, elementCount(shape)),
  }
  const fault = shape.length === 0 ? fillRun(reading, [given], 0) : fillNested(reading, given, 0, 0)
  if (fault !== undefined) return fault
  if (reading.store.wide?.rounded !== true) return reading.store.finish()
  return new BadRequest(path, "whole numbers up to 2^53 in this form", "greater ones")
}

const wrongCount = (
  index: number,
  count: number,
  shape: ReadonlyArray<number>,
  got: string,
): BadRequest => {
  const needed = `${count} element${count === 1 ? "" : "s"} for shape [${shape.join(",")}]`
  return new BadRequest(pathOf(index), needed, got)
}

/** The bytes of input `index` of the body `text`, whose `data` is `given`. */
export const readData = (
  text: string,
  index: number,
  given: unknown,
  datatype: Datatype,
  shape: ReadonlyArray<number>,
): Uint8Array | BadRequest => {
  if (!Array.isArray(given)) return new BadRequest(pathOf(index), "an array", shown(given))
  const values: ReadonlyArray<unknown> = given
  const count = elementCount(shape)
  const nested = shape.length > 1 && Array.isArray(values[0])
  // Each element takes at least two characters, so this bounds what is allocated for rows that are
  // not there.
  if (nested ? count > text.length : count !== values.length)
    return wrongCount(index, count, shape, nested ? "fewer" : `${values.length}`)
  const reading = { place: index, datatype, shape, nested, store: elementStore(datatype, count) }
  const fault =
    (nested ? fillNested(reading, values, 0, 0) : fillRun(reading, values, 0)) ??
    fillExactly(reading, text, index)
  return fault ?? reading.store.finish()
}
