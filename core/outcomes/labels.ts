// What a value means for a model: one of its classes, or a number. A value that the signature does
// not know is refused with what was expected, so that no typing error becomes a class of its own.
import type { OutcomeValue } from "#proto/outcome"
import type { Signature } from "#proto/signature"
import type { ParsedOutcome } from "./outcome.ts"

export type Label = { readonly text: string } | { readonly number: number }

const numberOf = (value: OutcomeValue): number =>
  typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value)

const SHOWN_CLASSES = 8

/** The class or number that a value names; a sentence where it names none. */
export const labelOf = (signature: Signature, value: OutcomeValue): Label | string => {
  const { task, classes } = signature
  if (task === "regression") {
    const number = numberOf(value)
    if (Number.isFinite(number) && typeof value !== "boolean") return { number }
    return `expected a number, got ${JSON.stringify(value)}`
  }
  const text = String(value)
  if (classes === undefined || classes.length === 0) return { text }
  const same = classes.find((one) => String(one) === text)
  // A file has "1.0" and "true" where a signature has 1.
  const alike =
    same ?? classes.find((one) => typeof one !== "string" && Number(one) === numberOf(value))
  if (alike !== undefined) return { text: String(alike) }
  const shown = classes.slice(0, SHOWN_CLASSES).map(String).join(", ")
  const more = classes.length > SHOWN_CLASSES ? ", …" : ""
  return `expected one of ${shown}${more}, got ${JSON.stringify(value)}`
}

/** What is wrong with an outcome for a prediction of so many rows; undefined when it fits. */
export const misfit = (
  outcome: Pick<ParsedOutcome, "values" | "rows">,
  signature: Signature,
  rows: number,
): string | undefined => {
  if (outcome.rows !== undefined && outcome.rows !== rows)
    return `value: expected ${rows}, one for each row of the request, got ${outcome.rows}`
  const outside = outcome.values.find(({ row }) => row >= rows)
  if (outside !== undefined)
    return `values: expected rows from 0 to ${rows - 1}, got ${outside.row}`
  for (const { row, value } of outcome.values) {
    const label = labelOf(signature, value)
    if (typeof label === "string") return `value of row ${row}: ${label}`
  }
  return undefined
}
