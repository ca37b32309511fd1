// Why a statistic has no value for the data that it was given. It is thrown, never returned as a
// silent NaN, so that whoever evaluates a feature can report that feature and go on with the next.
import { Schema } from "effect"

export class StatisticUndefined extends Schema.TaggedError<StatisticUndefined>()(
  "StatisticUndefined",
  { statistic: Schema.String, reason: Schema.String },
) {
  override get message() {
    return `${this.statistic} is undefined: ${this.reason}`
  }
}

/** Throws `StatisticUndefined` unless the sample has rows and all of them are numbers. */
export const requireNumbers = (statistic: string, name: string, values: Float64Array): void => {
  if (values.length === 0) throw new StatisticUndefined({ statistic, reason: `${name} is empty` })
  for (let i = 0; i < values.length; i++)
    if (Number.isNaN(values[i]!))
      throw new StatisticUndefined({ statistic, reason: `${name} contains NaN at row ${i}` })
}
