// The names that travel: models, versions and ids, what they may be made of, and how a model name
// becomes one subject token. Nothing unchecked ever becomes a token: every builder of a subject
// takes names that passed here.
import { Schema } from "effect"

/** Most characters in the name of a model, a version, a group or an id. */
export const NAME_MAX_CHARACTERS = 64

// Only patterns with the flag "u" are written into a JSON Schema.
const MODEL_NAME = /^[A-Za-z0-9_.\-]{1,64}$/u
const PLAIN_NAME = /^[A-Za-z0-9_\-]{1,64}$/u

export const isModelName = (text: string): boolean => MODEL_NAME.test(text)
export const isVersionName = (text: string): boolean => PLAIN_NAME.test(text)
export const isLogId = (text: string): boolean => PLAIN_NAME.test(text)

export const ModelName = Schema.String.check(Schema.isPattern(MODEL_NAME))
export const VersionName = Schema.String.check(Schema.isPattern(PLAIN_NAME))
export const LogId = Schema.String.check(Schema.isPattern(PLAIN_NAME))

// "." separates tokens and "~" is in no name, so the exchange can be undone.
export const modelToken = (model: string): string => model.replaceAll(".", "~")
export const modelOfToken = (token: string): string => token.replaceAll("~", ".")

/**
 * Orders version names: whole numbers by value and below any other name, other names by code unit.
 * Negative when `a` is lower than `b`.
 */
export const compareVersions = (a: string, b: string): number => {
  const numberA = /^\d{1,15}$/.test(a) ? Number(a) : undefined
  const numberB = /^\d{1,15}$/.test(b) ? Number(b) : undefined
  if (numberA !== undefined && numberB !== undefined) return numberA - numberB
  if (numberA !== undefined) return -1
  if (numberB !== undefined) return 1
  return a < b ? -1 : a > b ? 1 : 0
}
