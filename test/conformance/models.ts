// The models of the server as their metadata tells them: what checks choose their questions by.
import { isRecord } from "./json.ts"
import { isGood, jsonOf, type Server } from "./server.ts"

export const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
] as const
export type Datatype = (typeof DATATYPES)[number]

export interface TensorSpec {
  readonly name: string
  readonly datatype: Datatype
  /** -1 where a dimension varies. */
  readonly shape: ReadonlyArray<number>
}

export interface Model {
  readonly name: string
  readonly versions: ReadonlyArray<string>
  readonly inputs: ReadonlyArray<TensorSpec>
  readonly outputs: ReadonlyArray<TensorSpec>
}

export const pathOf = (model: string, version?: string): string => {
  const path = `/v2/models/${encodeURIComponent(model)}`
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`
}

const isDatatype = (value: unknown): value is Datatype =>
  DATATYPES.some((datatype) => datatype === value)

/** Undefined for what is no tensor of a datatype that can be asked for. */
export const specIn = (value: unknown): TensorSpec | undefined => {
  if (!isRecord(value)) return undefined
  const { name, datatype, shape } = value
  if (typeof name !== "string" || !isDatatype(datatype) || !Array.isArray(shape)) return undefined
  const numbers = shape.map(Number)
  return numbers.every((one) => Number.isInteger(one) && one >= -1)
    ? { name, datatype, shape: numbers }
    : undefined
}

const specsIn = (value: unknown): ReadonlyArray<TensorSpec> => {
  const specs = Array.isArray(value) ? value.map(specIn) : []
  return specs.every((spec) => spec !== undefined) ? specs : []
}

/** Undefined where the metadata cannot be had or names no inputs. */
const readModel = async (server: Server, name: string): Promise<Model | undefined> => {
  const answer = await server.ask(pathOf(name))
  if (!isGood(answer)) return undefined
  const metadata = jsonOf(answer)
  if (!isRecord(metadata)) return undefined
  const { versions, inputs, outputs } = metadata
  const texts: ReadonlyArray<unknown> = Array.isArray(versions) ? versions : []
  const model = {
    name,
    versions: texts.filter((one) => typeof one === "string"),
    inputs: specsIn(inputs),
    outputs: specsIn(outputs),
  }
  return model.inputs.length > 0 ? model : undefined
}

export interface Listed {
  readonly names: ReadonlyArray<string>
  /** What is wrong with the index; undefined where it is well formed or not there at all. */
  readonly wrong?: string
}

/** The models that the index of the repository says are ready. */
export const listedModels = async (server: Server): Promise<Listed> => {
  const answer = await server.post("/v2/repository/index", "{}")
  if (!isGood(answer)) return { names: [] }
  const entries = jsonOf(answer)
  if (!Array.isArray(entries)) return { names: [], wrong: "the repository's index is no list" }
  const names = entries.map((entry: unknown) =>
    isRecord(entry) && entry["state"] === "READY" ? entry["name"] : undefined,
  )
  return { names: [...new Set(names.filter((name) => typeof name === "string"))].toSorted() }
}

export const readModels = async (
  server: Server,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<Model>> => {
  const models: Array<Model> = []
  for (const name of names) {
    const model = await readModel(server, name).catch(() => undefined)
    if (model !== undefined) models.push(model)
  }
  return models
}

/** The extensions that the server says it has. */
export const readExtensions = async (server: Server): Promise<ReadonlySet<string>> => {
  const answer = await server.ask("/v2")
  const metadata = isGood(answer) ? jsonOf(answer) : undefined
  const extensions = isRecord(metadata) ? metadata["extensions"] : undefined
  const names: ReadonlyArray<unknown> = Array.isArray(extensions) ? extensions : []
  return new Set(names.filter((name) => typeof name === "string"))
}
