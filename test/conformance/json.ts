// JSON that keeps integers of 64 bits: written and read as bigint where a double would round them.

/** Digits from which on a number may not survive as a double. */
const EXACT_DIGITS_MAX = 15
const LONG_INTEGER = new RegExp(`^-?\\d{${EXACT_DIGITS_MAX + 1},}$`, "u")

// Boundary: ahead of the library's types, in every engine of today.
const raw = (JSON as unknown as { readonly rawJSON: (text: string) => unknown }).rawJSON
const parse = JSON.parse as (
  text: string,
  revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown

export const writeJson = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? raw(`${one}`) : one))

/** @throws SyntaxError */
export const readJson = (text: string): unknown =>
  parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && LONG_INTEGER.test(source)
      ? BigInt(source)
      : value,
  )

export type Json = Readonly<Record<string, unknown>>
export const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)
