// How a model is to be served, as its `config.pbtxt` says: what shapes batches, who goes first, and
// how long a request may wait. It says nothing of what the model takes and gives: its graph does.
import { Schema } from "effect"

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export const ServingConfig = Schema.Struct({
  /** Rows of one request, and of one run of several; 0 runs every request alone. */
  maxBatchSize: Schema.optionalKey(Whole),
  /** A run begins at once when it has as many rows as one of them. */
  preferredBatchSizes: Schema.optionalKey(Schema.Array(Count)),
  /** How long the first request of a run may wait for others, microseconds. */
  queueDelayMicros: Schema.optionalKey(Whole),
  /** How long a request that names no deadline waits for its answer, microseconds. */
  timeoutMicros: Schema.optionalKey(Count),
  /** Priorities from 1, the highest, to this one; without them priorities have no effect. */
  priorityLevels: Schema.optionalKey(Count),
  /** Of requests that name none, or one that there is not. */
  defaultPriority: Schema.optionalKey(Count),
})
export type ServingConfig = typeof ServingConfig.Type

/**
 * Place in line of a request whose parameter is `priority`: 0 where the model knows no priorities,
 * else from 1, the first to be served. As in Triton, one that there is not counts as the default.
 */
export const priorityOf = (
  config: ServingConfig | undefined,
  priority: string | number | boolean | undefined,
): number => {
  const levels = config?.priorityLevels
  if (levels === undefined) return 0
  const asked = Number(priority ?? 0)
  return Number.isInteger(asked) && asked >= 1 && asked <= levels
    ? asked
    : (config?.defaultPriority ?? levels)
}
