// Answers as rows: each row that was asked with its prediction, or why it has none.
import { Schema } from "effect"
import { shorten, table } from "../table.ts"
import type { Part } from "./ask.ts"

const VALUE_SHOWN_CHARACTERS = 40
const ERROR_SHOWN_CHARACTERS = 120

const Answer = Schema.Struct({
  predictions: Schema.Array(Schema.Unknown),
  probabilities: Schema.optionalKey(Schema.Array(Schema.Unknown)),
})
const Refusal = Schema.Struct({ error: Schema.String, code: Schema.optionalKey(Schema.String) })
const readAnswer = Schema.decodeUnknownOption(Answer)
const readRefusal = Schema.decodeUnknownOption(Refusal)

export interface AnsweredRow {
  /** Counted from 1, as people count. */
  readonly row: number
  readonly input: unknown
  readonly status: number
  readonly id: string | undefined
  readonly position: number | undefined
  readonly version: string | undefined
  readonly prediction?: unknown
  readonly probabilities?: unknown
  readonly error?: string
  readonly code?: string
}

const refusalOf = (part: Part): { readonly error: string; readonly code?: string } => {
  const refusal = readRefusal(part.body)
  if (refusal._tag === "Some") return refusal.value
  const text = typeof part.body === "string" ? part.body : JSON.stringify(part.body)
  return { error: `status ${part.status}: ${text}` }
}

/** The rows of one request; they share its id. */
export const answeredRows = (part: Part): ReadonlyArray<AnsweredRow> => {
  const answer = part.status === 200 ? readAnswer(part.body) : undefined
  return part.rows.map((input, at) => {
    const head = {
      row: part.first + at + 1,
      input,
      status: part.status,
      id: part.id,
      position: part.position === undefined ? undefined : Number(part.position),
      version: part.version,
    }
    if (answer?._tag !== "Some") return { ...head, ...refusalOf(part) }
    const { predictions, probabilities } = answer.value
    return {
      ...head,
      prediction: predictions[at],
      ...(probabilities === undefined ? {} : { probabilities: probabilities[at] }),
    }
  })
}

const cell = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "")

const probabilityText = (value: unknown): string =>
  Array.isArray(value)
    ? value.map((one) => (typeof one === "number" ? one.toFixed(4) : cell(one))).join(" ")
    : cell(value)

export const answersText = (rows: ReadonlyArray<AnsweredRow>): string => {
  const hasProbabilities = rows.some((row) => row.probabilities !== undefined)
  const hasErrors = rows.some((row) => row.error !== undefined)
  return table(
    [
      { name: "ROW", align: "right" },
      { name: "INPUT" },
      { name: "PREDICTION", align: "right" },
      ...(hasProbabilities ? [{ name: "PROBABILITIES" }] : []),
      { name: "VERSION" },
      { name: "ID" },
      ...(hasErrors ? [{ name: "ERROR" }] : []),
    ],
    rows.map((row) => [
      `${row.row}`,
      shorten(cell(row.input), VALUE_SHOWN_CHARACTERS),
      row.error === undefined ? shorten(cell(row.prediction), VALUE_SHOWN_CHARACTERS) : "-",
      ...(hasProbabilities
        ? [shorten(probabilityText(row.probabilities), VALUE_SHOWN_CHARACTERS)]
        : []),
      row.version ?? "-",
      row.id ?? "-",
      ...(hasErrors ? [shorten(row.error ?? "", ERROR_SHOWN_CHARACTERS)] : []),
    ]),
  )
}
