// Why a model is not served: one error for whoever imports models.
import { Schema } from "effect"

/** The file cannot be served; the reason is a sentence for the person who made it. */
export class ModelRefused extends Schema.TaggedError<ModelRefused>()("ModelRefused", {
  reason: Schema.String,
}) {
  override get message() {
    return this.reason
  }
}

/** Throws ModelRefused; returns never, so that it can stand where a value is expected. */
export const refuse = (reason: string): never => {
  throw new ModelRefused({ reason })
}
