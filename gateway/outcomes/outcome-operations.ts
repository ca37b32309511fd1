// What the routes of ground truth are, for the OpenAPI document.
import { Schema } from "effect"
import { Outcome } from "#proto/outcome"
import { REQUEST_ID } from "#proto/headers"
import { Problem } from "../http/bodies.ts"
import { NDJSON_TYPE } from "../http/ndjson.ts"
import type { Operation } from "../http/operations.ts"

export const CSV_TYPE = "text/csv"
const JSON_TYPE = "application/json"

const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const Result = Schema.Literals(["recorded", "corrected", "unchanged"])
const stored = {
  id: Schema.String,
  status: Result,
  position: Position,
  joined: Schema.optionalKey(Position),
}
const OutcomeStored = Schema.Struct({ ...stored, model: Schema.String }).annotate({
  identifier: "OutcomeStored",
})
const OutcomeLine = Schema.Union([
  Schema.Struct({ line: Position, ...stored }),
  Schema.Struct({ line: Position, status: Schema.Int, ...Problem.fields }),
]).annotate({ identifier: "OutcomeLine" })
const OutcomeBody = Outcome.annotate({ identifier: "Outcome" })

const parameters = [
  {
    name: REQUEST_ID,
    in: "header",
    about: "Echoed on the answer; made up when absent",
    type: "string",
  },
] as const
const errors = ["invalid", "unknownModel", "tooLarge", "unsupportedEncoding"] as const

export const outcomeOperations = {
  outcome: {
    name: "outcome",
    about: "Says what came true of a prediction; the same again changes nothing",
    parameters,
    takes: { [JSON_TYPE]: OutcomeBody },
    gives: { 200: { [JSON_TYPE]: OutcomeStored } },
    errors: [
      ...errors,
      "gone",
      "unsupportedMediaType",
      "bodyTimedOut",
      "unsupported",
      "logUnavailable",
    ],
  },
  outcomes: {
    name: "outcomes",
    about: "The same for many: lines of JSON with ids, or CSV with the columns id and value",
    parameters,
    takes: { [NDJSON_TYPE]: OutcomeBody, [CSV_TYPE]: undefined },
    gives: { 200: { [NDJSON_TYPE]: OutcomeLine } },
    errors: [...errors, "unsupportedMediaType", "tooManyInFlight"],
  },
} as const satisfies Readonly<Record<string, Operation>>
