// A request that could not be predicted, kept as it came so that it can be read, mended and sent
// again.
import { Schema } from "effect"
import { recordCodec } from "./message-pack.ts"
import { FailureReason } from "./prediction.ts"

export const DeadLetter = Schema.Struct({
  /** As they stood in the subject, be they valid names or not. */
  model: Schema.String,
  id: Schema.String,
  reason: FailureReason,
  message: Schema.String,
  /** Milliseconds since 1970. */
  storedAt: Schema.Finite,
  diedAt: Schema.Finite,
  deliveries: Schema.Int,
  /** Headers and bytes of the request message. */
  headers: Schema.Record(Schema.String, Schema.String),
  payload: Schema.Uint8Array,
})
export type DeadLetter = typeof DeadLetter.Type

export const DEAD_LETTER_LAYOUT = {
  fields: [
    "model",
    "id",
    "reason",
    "message",
    "storedAt",
    "diedAt",
    "deliveries",
    "headers",
    "payload",
  ],
} as const

export const DEAD_LETTER_FORMAT = 1

export const deadLetterCodec = recordCodec(
  "dead letter",
  DeadLetter,
  DEAD_LETTER_LAYOUT,
  DEAD_LETTER_FORMAT,
)
