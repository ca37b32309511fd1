// What is wrong with a request, as a value: the field, what belongs there, and what was there
// instead. It knows no status codes and is returned, never thrown.

/** Most characters of a caller's value that are repeated in an error. */
export const ECHO_MAX_CHARACTERS = 80

export type BadRequestKind = "malformed" | "unsupported"

/**
 * `kind` "unsupported" is a request that is well formed and asks for what this server or model does
 * not do.
 */
export class BadRequest {
  readonly _tag = "BadRequest"
  readonly field: string
  readonly expected: string
  readonly got: string
  readonly kind: BadRequestKind

  constructor(field: string, expected: string, got: string, kind: BadRequestKind = "malformed") {
    this.field = field
    this.expected = expected
    this.got = got
    this.kind = kind
  }

  /** One sentence: `inputs[0].data[3]: expected a finite number, got "abc"`. */
  get message(): string {
    return `${this.field}: expected ${this.expected}, got ${this.got}`
  }
}

/**
 * `text` without line breaks, control characters or lone surrogates, and no longer than
 * ECHO_MAX_CHARACTERS.
 */
export const cut = (text: string): string => {
  const whole = text.length <= ECHO_MAX_CHARACTERS
  const kept = whole ? text : `${text.slice(0, ECHO_MAX_CHARACTERS - 1)}…`
  return kept.toWellFormed()
}

/** A JSON value as an error names it: scalars as they are, arrays and objects by what they are. */
export const shown = (value: unknown): string => {
  // Sliced first: escaping a long text only to drop most of it would cost the caller's whole body.
  if (typeof value === "string") return cut(JSON.stringify(value.slice(0, ECHO_MAX_CHARACTERS)))
  if (value === null || typeof value === "number" || typeof value === "boolean") return `${value}`
  if (typeof value === "bigint") return cut(`${value}`)
  if (Array.isArray(value)) return `an array of ${value.length}`
  return value === undefined ? "nothing" : "an object"
}

/** Names, quoted and joined for a sentence; only the first few of a long list. */
export const listed = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return "none"
  const first = names.slice(0, LISTED_MAX).map((name) => shown(name))
  return (
    first.join(", ") + (names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : "")
  )
}

/** Most names that an error lists. */
const LISTED_MAX = 8
