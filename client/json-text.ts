// JSON as servers write it, read without losing the digits of 64-bit integers, and looked into
// without trust.
import { localError } from "./error.ts"
import type { JsonElement } from "./datatypes.ts"

/** What an answer's JSON is until it has been looked into. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Levels of lists and objects in an answer; a body cannot make the reader run out of stack. */
const DEPTH_MAX = 64
/** Fewer digits than this are safe in a number. */
const DIGITS_SAFE = 15
const LONG_INTEGER = new RegExp(`\\d{${DIGITS_SAFE + 1}}`)
// A text or a number; texts are passed over, so that digits in them stay.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const INTEGER = /^-?\d+$/
/** In front of the digits of a long integer, once it is a text. No UTF-8 text begins like this. */
const MARK = "\ud800integer:"

const marked = (token: string): string =>
  token.length > DIGITS_SAFE && INTEGER.test(token) ? JSON.stringify(MARK + token) : token

/** A parsed value, where a marked text is a bigint. */
const unmarked = (value: unknown): unknown => {
  if (typeof value !== "string" || !value.startsWith(MARK)) return value
  const digits = value.slice(MARK.length)
  return INTEGER.test(digits) ? BigInt(digits) : value
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const badAnswer = (expected: string, got?: unknown) =>
  localError("badAnswer", `answer: expected ${expected}, got ${shown(got)}`)

const SHOWN_CHARACTERS_MAX = 80
const shown = (value: unknown): string =>
  (typeof value === "string" ? JSON.stringify(value) : typeof value).slice(0, SHOWN_CHARACTERS_MAX)

/** Throws the one error for what is no JSON. `elementsOf` and `plainOf` bring out long integers. */
export const parseJson = (text: string): unknown => {
  try {
    // Nothing else of the protocol needs all digits, and floats are full of them.
    const isExact = text.includes("INT64") && LONG_INTEGER.test(text)
    return JSON.parse(isExact ? text.replace(TOKEN, marked) : text)
  } catch (cause) {
    throw localError("badAnswer", `answer: expected JSON, got ${shown(text)}`, cause)
  }
}

/** A whole value with long integers as numbers, for bodies that hold no tensors. */
export const plainOf = (value: unknown, depth = 0): unknown => {
  if (depth > DEPTH_MAX) throw badAnswer(`at most ${DEPTH_MAX} levels`, "more")
  if (Array.isArray(value)) return value.map((one) => plainOf(one, depth + 1))
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, plainOf(one, depth + 1)]),
    )
  const read = unmarked(value)
  return typeof read === "bigint" ? Number(read) : read
}

export const objectOf = (value: unknown, what: string): JsonObject => {
  if (isObject(value)) return value
  throw badAnswer(`${what}: an object`, value)
}

export const listOf = (value: unknown, what: string): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw badAnswer(`${what}: a list`, value)
}

export const textOf = (value: unknown, what: string): string => {
  if (typeof value === "string") return value
  throw badAnswer(`${what}: a text`, value)
}

export const optionalText = (value: unknown, what: string): string | undefined =>
  value === undefined || value === null ? undefined : textOf(value, what)

/** Lengths of dimensions, or -1 for one that varies. */
export const dimensionsOf = (value: unknown, what: string): ReadonlyArray<number> =>
  listOf(value, what).map((one) => {
    const length = typeof one === "string" ? Number(one) : one
    if (typeof length === "number" && Number.isInteger(length) && length >= -1) return length
    throw badAnswer(`${what}: whole lengths`, one)
  })

/** The elements of a tensor's `data`, flat or nested, in order. */
export const elementsOf = (data: unknown, what: string): ReadonlyArray<JsonElement> => {
  const elements: Array<JsonElement> = []
  const add = (list: ReadonlyArray<unknown>, depth: number): void => {
    if (depth > DEPTH_MAX) throw badAnswer(`${what}: at most ${DEPTH_MAX} levels`, "more")
    for (const item of list) {
      if (Array.isArray(item)) add(item, depth + 1)
      else elements.push(elementOf(item, what))
    }
  }
  add(listOf(data, what), 0)
  return elements
}

const elementOf = (item: unknown, what: string): JsonElement => {
  const value = unmarked(item)
  if (value === null) return null
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
    case "string":
      return value
    default:
      throw badAnswer(`${what}: elements`, value)
  }
}
