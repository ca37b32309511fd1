// The messages of the extensions for configuration, statistics and the repository. Their fields
// have the names that the documents over HTTP have, so that one value is written in both forms.
import { TENSORS_MAX } from "#proto/request"
import { DATATYPES, DIMENSIONS_MAX } from "#proto/tensor"
import {
  bytesChoice,
  enumeration,
  flag,
  flagChoice,
  inner,
  int64Choice,
  integer,
  integers,
  message,
  messages,
  text,
  textChoice,
} from "./message.ts"
import { UNBOUNDED } from "./server-messages.ts"

/** Most entries of the parameters of a load. */
const PARAMETERS_MAX = 256

const Empty = message({})
/** The protocol numbers datatypes in the order in which we list them. */
const DATA_TYPES = [
  "TYPE_INVALID",
  ...DATATYPES.map((one) => (one === "BYTES" ? "TYPE_STRING" : `TYPE_${one}`)),
]
const dims = (number: number) => integers(number, DIMENSIONS_MAX)
const Reshape = message({ shape: dims(1) })
const ModelInput = message({
  name: text(1),
  data_type: enumeration(2, DATA_TYPES),
  format: enumeration(3, ["FORMAT_NONE", "FORMAT_NHWC", "FORMAT_NCHW"]),
  dims: dims(4),
  reshape: inner(5, Reshape),
  is_shape_tensor: flag(6),
  allow_ragged_batch: flag(7),
  optional: flag(8),
})
const ModelOutput = message({
  name: text(1),
  data_type: enumeration(2, DATA_TYPES),
  dims: dims(3),
  label_filename: text(4),
  reshape: inner(5, Reshape),
  is_shape_tensor: flag(6),
})
const QueuePolicy = message({
  timeout_action: enumeration(1, ["REJECT", "DELAY"]),
  default_timeout_microseconds: integer(2),
  allow_timeout_override: flag(3),
  max_queue_size: integer(4),
})
const DynamicBatching = message({
  preferred_batch_size: integers(1, UNBOUNDED),
  max_queue_delay_microseconds: integer(2),
  preserve_ordering: flag(3),
  priority_levels: integer(4),
  default_priority_level: integer(5),
  default_queue_policy: inner(6, QueuePolicy),
})
const InstanceGroup = message({
  name: text(1),
  count: integer(2),
  kind: enumeration(4, ["KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"]),
})
const ModelConfig = message({
  name: text(1),
  platform: text(2),
  version_policy: inner(3, message({ all: inner(2, Empty) })),
  max_batch_size: integer(4),
  input: messages(5, TENSORS_MAX, ModelInput),
  output: messages(6, TENSORS_MAX, ModelOutput),
  instance_group: messages(7, UNBOUNDED, InstanceGroup),
  default_model_filename: text(8),
  dynamic_batching: inner(11, DynamicBatching),
  backend: text(17),
  model_transaction_policy: inner(19, message({ decoupled: flag(1) })),
})
export const ModelConfigResponse = message({ config: inner(1, ModelConfig) })

const Duration = message({ count: integer(1), ns: integer(2) })
const InferStatistics = message({
  success: inner(1, Duration),
  fail: inner(2, Duration),
  queue: inner(3, Duration),
  compute_input: inner(4, Duration),
  compute_infer: inner(5, Duration),
  compute_output: inner(6, Duration),
  cache_hit: inner(7, Duration),
  cache_miss: inner(8, Duration),
})
const BatchStatistics = message({
  batch_size: integer(1),
  compute_input: inner(2, Duration),
  compute_infer: inner(3, Duration),
  compute_output: inner(4, Duration),
})
const Statistics = message({
  name: text(1),
  version: text(2),
  last_inference: integer(3),
  inference_count: integer(4),
  execution_count: integer(5),
  inference_stats: inner(6, InferStatistics),
  batch_stats: messages(7, UNBOUNDED, BatchStatistics),
})
export const ModelStatisticsResponse = message({
  model_stats: messages(1, UNBOUNDED, Statistics),
})

export const RepositoryIndexRequest = message({ repository_name: text(1), ready: flag(2) })
const ModelIndex = message({ name: text(1), version: text(2), state: text(3), reason: text(4) })
export const RepositoryIndexResponse = message({ models: messages(1, UNBOUNDED, ModelIndex) })

const RepositoryParameter = message({
  bool_param: flagChoice(1),
  int64_param: int64Choice(2),
  string_param: textChoice(3),
  bytes_param: bytesChoice(4),
})
const ParameterEntry = message({ key: text(1), value: inner(2, RepositoryParameter) })
/** Of a load and of an unload. */
export const RepositoryModelRequest = message({
  repository_name: text(1),
  model_name: text(2),
  parameters: messages(3, PARAMETERS_MAX, ParameterEntry),
})
