// Reads an outcome as it was sent, by HTTP, file or subject, into rows with their values, and says
// in a sentence what is wrong with it. It knows no prediction.
import { createHash } from "node:crypto"
import { Schema } from "effect"
import { Outcome, type OutcomeValue } from "#proto/outcome"

export interface RowValue {
  readonly row: number
  readonly value: OutcomeValue
}

export interface ParsedOutcome {
  readonly kind: "outcome"
  readonly id: string | undefined
  /** Each row once, in rising order. */
  readonly values: ReadonlyArray<RowValue>
  /** Rows that the request must have; undefined where single rows are named. */
  readonly rows: number | undefined
  readonly position: number | undefined
  /** Milliseconds since 1970. */
  readonly observedAt: number | undefined
}

export interface BadOutcome {
  readonly kind: "bad"
  /** A sentence: field, expected, got. */
  readonly reason: string
}

const REASON_MAX_CHARACTERS = 300
const bad = (reason: string): BadOutcome => ({
  kind: "bad",
  reason: reason.length <= REASON_MAX_CHARACTERS ? reason : `${reason.slice(0, 299)}…`,
})

const decode = Schema.decodeUnknownSync(Outcome, { onExcessProperty: "error" })

const momentOf = (value: string | number | undefined): number | undefined | BadOutcome => {
  if (value === undefined) return undefined
  const millis = typeof value === "number" ? value : isoMillis(value)
  if (Number.isFinite(millis)) return millis
  return bad(`observed_at: expected ISO 8601 or milliseconds since 1970, got "${value}"`)
}

const isoMillis = (text: string): number => {
  if (/^\d{10,16}$/u.test(text)) return Number(text)
  return /^\d{4}-\d\d-\d\d/u.test(text) ? Date.parse(text) : Number.NaN
}

const valuesOf = (outcome: Outcome): ReadonlyArray<RowValue> | BadOutcome => {
  const { value, values } = outcome
  if ((value === undefined) === (values === undefined))
    return bad("outcome: expected one of value and values, got " + (value ? "both" : "neither"))
  if (value !== undefined) {
    const list: ReadonlyArray<OutcomeValue> = Array.isArray(value) ? value : [value]
    return list.length === 0
      ? bad("value: expected a value for each row, got none")
      : list.map((one, row) => ({ row, value: one }))
  }
  const named = [...(values ?? [])].toSorted((a, b) => a.row - b.row)
  const twice = named.find(({ row }, at) => named[at + 1]?.row === row)
  if (twice !== undefined) return bad(`values: expected each row once, got row ${twice.row} twice`)
  return named.length === 0 ? bad("values: expected at least one row, got none") : named
}

/** Reads what was parsed from JSON. Never throws. */
export const readOutcome = (plain: unknown): ParsedOutcome | BadOutcome => {
  let outcome: Outcome
  try {
    outcome = decode(plain)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return bad(`outcome: ${text.replaceAll(/\s*\n\s*/gu, " ")}`)
  }
  const values = valuesOf(outcome)
  if ("kind" in values) return values
  const observedAt = momentOf(outcome.observed_at)
  if (typeof observedAt === "object") return observedAt
  const { id, position } = outcome
  const rows = outcome.value === undefined ? undefined : values.length
  return { kind: "outcome", id, values, rows, position, observedAt }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Reads the text or bytes of an outcome. Never throws. */
export const parseOutcome = (body: string | Uint8Array): ParsedOutcome | BadOutcome => {
  let plain: unknown
  try {
    plain = JSON.parse(typeof body === "string" ? body : utf8.decode(body))
  } catch {
    return bad("outcome: expected JSON, got something else")
  }
  return readOutcome(plain)
}

const plainOf = ({ values, rows, position, observedAt }: ParsedOutcome) => ({
  format: 1,
  ...(rows === undefined
    ? { values }
    : { value: rows === 1 ? values[0]?.value : values.map(({ value }) => value) }),
  ...(position === undefined ? {} : { position }),
  ...(observedAt === undefined ? {} : { observed_at: observedAt }),
})

const encoder = new TextEncoder()

/** The bytes that are stored. */
export const writeOutcome = (outcome: ParsedOutcome): Uint8Array =>
  encoder.encode(JSON.stringify(plainOf(outcome)))

/** SHA-256, hexadecimal, over what is said, however it was written. */
export const outcomeDigest = (outcome: ParsedOutcome): string =>
  createHash("sha256")
    .update(JSON.stringify(plainOf(outcome)))
    .digest("hex")
