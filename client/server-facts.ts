// What a server says about itself and its models, as types, read from its JSON. Members that a
// server adds stay within reach where the protocol leaves them open.
import {
  dimensionsOf,
  type JsonObject,
  listOf,
  objectOf,
  optionalText,
  plainOf,
  textOf,
} from "./json-text.ts"

export interface ServerMetadata {
  readonly name: string
  readonly version: string
  readonly extensions: ReadonlyArray<string>
}

export interface TensorMetadata {
  readonly name: string
  readonly datatype: string
  /** -1 for a dimension that varies. */
  readonly shape: ReadonlyArray<number>
}

export interface ModelMetadata {
  readonly name: string
  readonly versions: ReadonlyArray<string>
  readonly platform: string
  readonly inputs: ReadonlyArray<TensorMetadata>
  readonly outputs: ReadonlyArray<TensorMetadata>
}

export interface ModelConfig {
  readonly name: string
  readonly maxBatchSize: number
  /** The whole document. */
  readonly document: JsonObject
}

export interface ModelVersionStatistics {
  readonly name: string
  readonly version: string
  readonly inferenceCount: number
  readonly executionCount: number
  /** The whole entry: `inference_stats`, `batch_stats`, … */
  readonly document: JsonObject
}

export interface RepositoryEntry {
  readonly name: string
  readonly version: string | undefined
  readonly state: string | undefined
  readonly reason: string | undefined
}

const texts = (value: unknown, what: string): ReadonlyArray<string> =>
  listOf(value ?? [], what).map((one) => textOf(one, what))

export const serverMetadata = (body: unknown): ServerMetadata => {
  const { name, version, extensions } = objectOf(plainOf(body), "server")
  return {
    name: textOf(name ?? "", "name"),
    version: textOf(version ?? "", "version"),
    extensions: texts(extensions, "extensions"),
  }
}

const tensorMetadata = (value: unknown): TensorMetadata => {
  const { name, datatype, shape } = objectOf(value, "tensor")
  return {
    name: textOf(name, "name"),
    datatype: textOf(datatype, "datatype"),
    shape: dimensionsOf(shape, "shape"),
  }
}

export const modelMetadata = (body: unknown): ModelMetadata => {
  const { name, versions, platform, inputs, outputs } = objectOf(plainOf(body), "model")
  return {
    name: textOf(name, "name"),
    versions: texts(versions, "versions"),
    platform: textOf(platform ?? "", "platform"),
    inputs: listOf(inputs ?? [], "inputs").map(tensorMetadata),
    outputs: listOf(outputs ?? [], "outputs").map(tensorMetadata),
  }
}

export const modelConfig = (body: unknown): ModelConfig => {
  const document = objectOf(plainOf(body), "config")
  return {
    name: textOf(document["name"], "name"),
    maxBatchSize: Number(document["max_batch_size"] ?? 0),
    document,
  }
}

export const modelStatistics = (body: unknown): ReadonlyArray<ModelVersionStatistics> =>
  listOf(objectOf(plainOf(body), "statistics")["model_stats"], "model_stats").map((one) => {
    const document = objectOf(one, "model_stats")
    return {
      name: textOf(document["name"], "name"),
      version: textOf(document["version"] ?? "", "version"),
      inferenceCount: Number(document["inference_count"] ?? 0),
      executionCount: Number(document["execution_count"] ?? 0),
      document,
    }
  })

export const repositoryIndex = (body: unknown): ReadonlyArray<RepositoryEntry> =>
  listOf(plainOf(body), "index").map((one) => {
    const { name, version, state, reason } = objectOf(one, "index")
    return {
      name: textOf(name, "name"),
      version: optionalText(version, "version"),
      state: optionalText(state, "state"),
      reason: optionalText(reason, "reason"),
    }
  })
