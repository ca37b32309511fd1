// Examples of ground truth, for the golden bytes and the written reference.
import type { RecordKind } from "./golden-examples.ts"
import { Outcome, outcomeCodec, OUTCOME_FORMAT } from "./outcome.ts"

export const outcomeRecord: RecordKind<Outcome> = {
  name: "outcome",
  format: OUTCOME_FORMAT,
  schema: Outcome,
  codec: outcomeCodec,
  examples: [
    {
      file: "outcome-1-one-row",
      what: "what came true of a request of one row",
      value: { format: 1, value: 1, position: 4711, observed_at: 1_760_000_086_400 },
    },
    {
      file: "outcome-1-rows",
      what: "of two rows of a longer request, by their numbers",
      value: {
        format: 1,
        values: [
          { row: 0, value: "late" },
          { row: 4, value: "punctual" },
        ],
      },
    },
  ],
}
