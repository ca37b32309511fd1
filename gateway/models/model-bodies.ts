// The bodies of the routes that control models, as schemas for the OpenAPI document.
import { Schema } from "effect"

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const named = <S extends Schema.Top>(name: string, schema: S) =>
  schema.annotate({ identifier: name })

const Duration = named("StatisticDuration", Schema.Struct({ count: Whole, ns: Whole }))
const computed = { compute_input: Duration, compute_infer: Duration, compute_output: Duration }

export const ModelStatistics = named(
  "ModelStatistics",
  Schema.Struct({
    model_stats: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        version: Schema.String,
        last_inference: Whole,
        inference_count: Whole,
        execution_count: Whole,
        inference_stats: Schema.Struct({
          success: Duration,
          fail: Duration,
          queue: Duration,
          ...computed,
          cache_hit: Duration,
          cache_miss: Duration,
        }),
        batch_stats: Schema.Array(Schema.Struct({ batch_size: Whole, ...computed })),
      }),
    ),
  }),
)

const Reshape = Schema.Struct({ shape: Schema.Array(Schema.Int) })
const tensor = {
  name: Schema.String,
  data_type: Schema.String,
  dims: Schema.Array(Schema.Int),
  reshape: Schema.optionalKey(Reshape),
  is_shape_tensor: Schema.Boolean,
}
export const ModelConfig = named(
  "ModelConfig",
  Schema.Struct({
    name: Schema.String,
    platform: Schema.String,
    backend: Schema.String,
    version_policy: Schema.Struct({ all: Schema.Struct({}) }),
    max_batch_size: Whole,
    input: Schema.Array(
      Schema.Struct({
        ...tensor,
        format: Schema.String,
        allow_ragged_batch: Schema.Boolean,
        optional: Schema.Boolean,
      }),
    ),
    output: Schema.Array(Schema.Struct({ ...tensor, label_filename: Schema.String })),
    batch_input: Schema.Array(Schema.Unknown),
    batch_output: Schema.Array(Schema.Unknown),
    instance_group: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        kind: Schema.String,
        count: Whole,
        gpus: Schema.Array(Schema.Int),
        profile: Schema.Array(Schema.String),
      }),
    ),
    default_model_filename: Schema.String,
    dynamic_batching: Schema.optionalKey(
      Schema.Struct({
        preferred_batch_size: Schema.Array(Whole),
        max_queue_delay_microseconds: Whole,
        preserve_ordering: Schema.Boolean,
        priority_levels: Whole,
        default_priority_level: Whole,
        default_queue_policy: Schema.Struct({
          timeout_action: Schema.String,
          default_timeout_microseconds: Whole,
          allow_timeout_override: Schema.Boolean,
          max_queue_size: Whole,
        }),
      }),
    ),
    model_transaction_policy: Schema.Struct({ decoupled: Schema.Boolean }),
    parameters: Schema.Struct({}),
  }),
)

const Parameters = Schema.Record(Schema.String, Schema.Unknown)
export const LoadRequest = named(
  "LoadRequest",
  Schema.Struct({ parameters: Schema.optionalKey(Parameters) }),
)
/** There is nothing to say. */
export const Done = named("Done", Schema.Struct({}))
