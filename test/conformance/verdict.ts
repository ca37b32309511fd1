// How a check ends otherwise than well, and the few words in which checks say what they expect.
import { isRecord, writeJson, type Json } from "./json.ts"

const SHOWN_MAX_CHARACTERS = 160

/** The server does not do what the protocol says. */
export class Failed extends Error {
  override readonly name = "Failed"
}

/** The server does not claim to do this, or holds no model to try it with. */
export class Unsupported extends Error {
  override readonly name = "Unsupported"
}

/** It was not allowed to try. */
export class LeftOut extends Error {
  override readonly name = "LeftOut"
}

export const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : writeJson(value)
  return text.length <= SHOWN_MAX_CHARACTERS ? text : `${text.slice(0, SHOWN_MAX_CHARACTERS - 1)}…`
}

/** @throws Failed */
export function expect(isTrue: boolean, sentence: string): asserts isTrue {
  if (!isTrue) throw new Failed(sentence)
}

/** @throws Failed where the two are not the same JSON. */
export const expectSame = (what: string, got: unknown, expected: unknown): void =>
  expect(writeJson(got) === writeJson(expected), `${what}: ${shown(got)}, not ${shown(expected)}`)

/** @throws Failed */
export const recordIn = (what: string, value: unknown): Json => {
  expect(isRecord(value), `${what}: ${shown(value)}, not an object`)
  return value
}

/** @throws Failed */
export const listIn = (what: string, value: unknown): ReadonlyArray<unknown> => {
  expect(Array.isArray(value), `${what}: ${shown(value)}, not an array`)
  return value
}

/** @throws Failed */
export const textIn = (what: string, value: unknown): string => {
  expect(typeof value === "string", `${what}: ${shown(value)}, not a string`)
  return value
}

/** @throws Failed unless it is an integer of at least `least`. */
export const wholeIn = (what: string, value: unknown, least = 0): number => {
  const number = typeof value === "bigint" ? Number(value) : value
  const isWhole = typeof number === "number" && Number.isInteger(number) && number >= least
  expect(isWhole, `${what}: ${shown(value)}, not an integer of at least ${least}`)
  return number
}
