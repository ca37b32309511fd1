// Tensors read straight from the bytes of a record, with the checks of their schema.
import type { MessageReader } from "./message-pack-reader.ts"
import {
  DATATYPES,
  DIMENSIONS_MAX,
  TENSOR_FIELDS,
  TENSOR_NAME_MAX_CHARACTERS,
  type Datatype,
  type Tensor,
} from "./tensor.ts"

const datatypes: ReadonlyMap<string, Datatype> = new Map(DATATYPES.map((one) => [one, one]))

const readShape = (reader: MessageReader): ReadonlyArray<number> => {
  const dimensions = reader.list(DIMENSIONS_MAX)
  const shape = new Array<number>(dimensions)
  for (let index = 0; index < dimensions; index++) shape[index] = reader.whole()
  return shape
}

const readTensor = (reader: MessageReader): Tensor => {
  reader.listOf(TENSOR_FIELDS.length)
  const name = reader.name()
  if (name.length > TENSOR_NAME_MAX_CHARACTERS) throw new Error("a name that is too long")
  const datatype = datatypes.get(reader.name())
  if (datatype === undefined) throw new Error("an unknown datatype")
  return { name, datatype, shape: readShape(reader), data: reader.bytes() }
}

/**
 * At most `max` tensors; their data are views.
 *
 * @throws Error that says what stands there instead.
 */
export const readTensors = (reader: MessageReader, max: number): ReadonlyArray<Tensor> => {
  const tensors: Array<Tensor> = []
  const count = reader.list(max)
  for (let index = 0; index < count; index++) tensors.push(readTensor(reader))
  return tensors
}
