// The messages about the server, its models and its health, as the public protocols number their
// fields. Lists that only we write have no bound here: what is in them has one.
import { DIMENSIONS_MAX } from "#proto/tensor"
import { TENSORS_MAX } from "#proto/request"
import { flag, integer, integers, message, messages, text, texts, type Message } from "./message.ts"

export type Of<M> = M extends Message<infer A> ? A : never
export const UNBOUNDED = Number.POSITIVE_INFINITY

export const Nothing = message({})
export const ServerLiveResponse = message({ live: flag(1) })
export const ServerReadyResponse = message({ ready: flag(1) })
/** Asks about a model, or one version of it where `version` is not empty. */
export const ModelRequest = message({ name: text(1), version: text(2) })
export type ModelRequest = Of<typeof ModelRequest>
export const ModelReadyResponse = message({ ready: flag(1) })
export const ServerMetadataResponse = message({
  name: text(1),
  version: text(2),
  extensions: texts(3, UNBOUNDED),
})
const TensorMetadata = message({
  name: text(1),
  datatype: text(2),
  shape: integers(3, DIMENSIONS_MAX),
})
export const ModelMetadataResponse = message({
  name: text(1),
  versions: texts(2, UNBOUNDED),
  platform: text(3),
  inputs: messages(4, TENSORS_MAX, TensorMetadata),
  outputs: messages(5, TENSORS_MAX, TensorMetadata),
})

export const HealthCheckRequest = message({ service: text(1) })
export const HealthCheckResponse = message({ status: integer(1) })
export const SERVING = 1
export const NOT_SERVING = 2
export const SERVICE_UNKNOWN = 3
