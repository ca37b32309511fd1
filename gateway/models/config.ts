// A model's configuration in the form that the protocol's configuration extension gives it: what
// its graph says, with what was imported from `config.pbtxt`. It reads nothing and decides nothing.
import { BATCH_ROWS_MAX } from "#core/inference/batch"
import type { Signature, TensorSpec } from "#proto/signature"
import type { ServingConfig } from "#proto/serving-config"
import type { Target } from "../inference/target.ts"

const PLATFORM = "onnxruntime_onnx"
const BACKEND = "onnxruntime"
const MODEL_FILENAME = "model.onnx"

/** Of requests that may share a run; 0 where none may. */
const maxBatchSizeOf = ({ batching }: Signature, config: ServingConfig | undefined): number =>
  batching ? (config?.maxBatchSize ?? BATCH_ROWS_MAX) : 0

const dataTypeOf = ({ datatype }: TensorSpec): string =>
  datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`

/** With batching the first dimension is not said; a tensor without others is [1]. */
const dimsOf = ({ shape }: TensorSpec, batched: boolean) => {
  const dims = batched ? shape.slice(1) : shape
  return dims.length === 0 ? { dims: [1], reshape: { shape: [] } } : { dims }
}

const inputOf = (spec: TensorSpec, batched: boolean) => ({
  name: spec.name,
  data_type: dataTypeOf(spec),
  format: "FORMAT_NONE",
  ...dimsOf(spec, batched),
  is_shape_tensor: false,
  allow_ragged_batch: false,
  optional: false,
})

const outputOf = (spec: TensorSpec, batched: boolean) => ({
  name: spec.name,
  data_type: dataTypeOf(spec),
  ...dimsOf(spec, batched),
  label_filename: "",
  is_shape_tensor: false,
})

const dynamicBatchingOf = (config: ServingConfig | undefined) => ({
  preferred_batch_size: config?.preferredBatchSizes ?? [],
  max_queue_delay_microseconds: config?.queueDelayMicros ?? 0,
  preserve_ordering: false,
  priority_levels: config?.priorityLevels ?? 0,
  default_priority_level: config?.defaultPriority ?? config?.priorityLevels ?? 0,
  default_queue_policy: {
    timeout_action: "REJECT",
    default_timeout_microseconds: config?.timeoutMicros ?? 0,
    allow_timeout_override: true,
    max_queue_size: 0,
  },
})

/** Of the version that a request would be checked against. */
export const modelConfig = ({ model, config, signature }: Target) => {
  const maxBatchSize = maxBatchSizeOf(signature, config)
  const batched = maxBatchSize > 0
  return {
    name: model,
    platform: PLATFORM,
    backend: BACKEND,
    version_policy: { all: {} },
    max_batch_size: maxBatchSize,
    input: signature.inputs.map((spec) => inputOf(spec, batched)),
    output: signature.outputs.map((spec) => outputOf(spec, batched)),
    batch_input: [],
    batch_output: [],
    instance_group: [{ name: model, kind: "KIND_CPU", count: 1, gpus: [], profile: [] }],
    default_model_filename: MODEL_FILENAME,
    ...(batched ? { dynamic_batching: dynamicBatchingOf(config) } : {}),
    model_transaction_policy: { decoupled: false },
    parameters: {},
  }
}
export type ModelConfig = ReturnType<typeof modelConfig>
