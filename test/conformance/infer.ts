// Asking a model and reading its answer, checked as far as every answer must hold.
import type { Datatype, Model, TensorSpec } from "./models.ts"
import { pathOf } from "./models.ts"
import { writeJson, type Json } from "./json.ts"
import { good, jsonOf, type Answer, type Server } from "./server.ts"
import { isInteger, sizeOf, type Tensor, type Value } from "./tensors.ts"
import { expect, listIn, recordIn, shown, textIn, wholeIn } from "./verdict.ts"

/** Floats of another batch size differ in their last digits. */
const TOLERANCE = 1e-4

export const inputOf = ({ name, datatype, shape, data }: Tensor): Json => ({
  name,
  shape,
  datatype,
  data,
})

/** The body of a request; `more` is merged into it. */
export const bodyOf = (tensors: ReadonlyArray<Tensor>, more: Json = {}): Json => ({
  inputs: tensors.map(inputOf),
  ...more,
})

export const ask = (server: Server, model: Model, body: Json, version?: string): Promise<Answer> =>
  server.post(`${pathOf(model.name, version)}/infer`, writeJson(body))

export interface Output {
  readonly name: string
  readonly datatype: string
  readonly shape: ReadonlyArray<number>
  readonly data: ReadonlyArray<Value>
}

const isOf = (datatype: string, value: unknown): boolean => {
  if (datatype === "BOOL") return typeof value === "boolean" || value === 0 || value === 1
  if (datatype === "BYTES") return typeof value === "string"
  if (typeof value === "bigint") return isInteger(datatype as Datatype)
  if (typeof value !== "number") return false
  return !isInteger(datatype as Datatype) || Number.isInteger(value)
}

const valuesIn = (what: string, given: unknown, datatype: string): ReadonlyArray<Value> => {
  const values = listIn(`${what}.data`, given).flat(Infinity) as ReadonlyArray<unknown>
  const wrong = values.find((value) => !isOf(datatype, value))
  expect(wrong === undefined, `${what}.data holds ${shown(wrong)}, which is no ${datatype}`)
  // Boundary: each was just looked at.
  return values as ReadonlyArray<Value>
}

const fits = (shape: ReadonlyArray<number>, spec: TensorSpec) =>
  shape.length === spec.shape.length &&
  shape.every((one, at) => spec.shape[at] === -1 || spec.shape[at] === one)

/** Name, datatype and shape of an output, as the metadata of the model has them. */
export const headIn = (model: Model, given: unknown): { readonly spec: TensorSpec } & Output => {
  const { name, datatype, shape } = recordIn("an output", given)
  const what = `output ${shown(name)}`
  const spec = model.outputs.find((one) => one.name === name)
  expect(spec !== undefined, `${what} is not in the metadata of ${model.name}`)
  expect(datatype === spec.datatype, `${what}: ${shown(datatype)}, not ${spec.datatype}`)
  const whole = listIn(`${what}: shape`, shape).map((one) => wholeIn(`${what}: shape`, one))
  expect(fits(whole, spec), `${what}: shape ${shown(whole)}, not ${shown(spec.shape)}`)
  return { spec, name: spec.name, datatype: spec.datatype, shape: whole, data: [] }
}

export const outputIn = (model: Model, given: unknown): Output => {
  const { spec, ...head } = headIn(model, given)
  const what = `output "${spec.name}"`
  const data = valuesIn(what, recordIn(what, given)["data"], spec.datatype)
  const size = sizeOf(head.shape)
  expect(data.length === size, `${what}: ${data.length} values for shape ${shown(head.shape)}`)
  return { ...head, data }
}

/** What every answer of a model says beside its outputs. */
export const answerIn = (model: Model, answer: Answer, value: unknown): Json => {
  const body = recordIn(`${answer.asked}: the answer`, value)
  const { model_name: name, model_version: version, id } = body
  expect(textIn("model_name", name) === model.name, `model_name: ${shown(name)}`)
  if (version !== undefined) textIn("model_version", version)
  if (id !== undefined) textIn("id", id)
  return body
}

export interface Answered {
  readonly body: Json
  readonly outputs: ReadonlyArray<Output>
}

/** @throws Failed unless it is a whole answer of this model in JSON. */
export const answered = (model: Model, answer: Answer): Answered => {
  const body = answerIn(model, answer, jsonOf(good(answer)))
  const outputs = listIn("outputs", body["outputs"]).map((one) => outputIn(model, one))
  const names = outputs.map(({ name }) => name)
  expect(new Set(names).size === names.length, `outputs name one twice: ${names.join(", ")}`)
  return { body, outputs }
}

/** @throws Failed unless all outputs of the model came. */
export const answeredWhole = (model: Model, answer: Answer): Answered => {
  const whole = answered(model, answer)
  const names = whole.outputs.map(({ name }) => name)
  const missing = model.outputs.filter(({ name }) => !names.includes(name))
  expect(missing.length === 0, `no output ${missing.map(({ name }) => name).join(", ")}`)
  return whole
}

const isNear = (one: Value | undefined, other: Value | undefined): boolean => {
  if (one === other) return true
  const [left, right] = [Number(one), Number(other)]
  if (typeof one !== "number" || typeof other !== "number") return String(one) === String(other)
  return Math.abs(left - right) <= TOLERANCE * Math.max(1, Math.abs(left), Math.abs(right))
}

/** @throws Failed unless each output has the same shape and nearly the same values. */
export const expectNear = (
  what: string,
  got: ReadonlyArray<Output>,
  expected: ReadonlyArray<Output>,
): void => {
  for (const output of expected) {
    const same = got.find(({ name }) => name === output.name)
    expect(same !== undefined, `${what}: no output "${output.name}"`)
    const shape = `${what}: "${output.name}" has the shape ${shown(same.shape)}`
    expect(shown(same.shape) === shown(output.shape), `${shape}, not ${shown(output.shape)}`)
    const at = output.data.findIndex((value, index) => !isNear(same.data[index], value))
    const values = `${shown(same.data[at])}, not ${shown(output.data[at])}`
    expect(at < 0, `${what}: "${output.name}" [${at}] is ${values}`)
  }
}
