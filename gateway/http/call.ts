// What the headers of a call say about how it is to be handled. Traces are passed on where they are
// well formed and are otherwise left out; everything else that is wrong is refused by name.
import { readTraceparent } from "#core/service/trace-context"
import { isKey, KEY_MAX_CHARACTERS } from "#proto/ids"
import { IDEMPOTENCY_KEY, REQUEST_ID, TIMEOUT, TRACEPARENT, VERSION } from "#proto/headers"
import { isModelName, isVersionName } from "#proto/names"
import type { Parameters } from "#proto/request"
import { readPreference } from "./preference.ts"
import type { Handling } from "../inference/prepare.ts"
import { TIMEOUT_MAX_MILLIS } from "../settings.ts"
import { refuse, type Refusal } from "./status.ts"

const REQUEST_ID_MAX_CHARACTERS = 128

const PRINTABLE = /^[\x20-\x7e]+$/
const TRACEPARENT_MAX_CHARACTERS = 128

const shown = (value: string): string => JSON.stringify(value.slice(0, 80))
const invalid = (field: string, expected: string, got: string): Refusal =>
  refuse("invalid", `${field}: expected ${expected}, got ${got}`)

export interface Call {
  readonly kind: "call"
  readonly pinned: string | undefined
  /** From the header; a parameter of the body may name another. */
  readonly timeoutMillis: number | undefined
  readonly key: string | undefined
  readonly requestId: string | undefined
  readonly traceparent: string | undefined
  readonly isAsync: boolean
}

/**
 * Names that cannot exist are refused as such, so that no client takes them for models that may
 * come.
 */
export const checkNames = (model: string, version: string | undefined): Refusal | undefined => {
  if (!isModelName(model)) return invalid("model", "1 to 64 of A-Z a-z 0-9 _ . -", shown(model))
  if (version !== undefined && !isVersionName(version))
    return invalid("version", "1 to 64 of A-Z a-z 0-9 _ -", shown(version))
  return undefined
}

const readTimeout = (value: string | null): number | undefined | Refusal => {
  if (value === null || value === "") return undefined
  const millis = Number(value)
  if (/^\d{1,9}$/.test(value) && millis >= 1 && millis <= TIMEOUT_MAX_MILLIS) return millis
  return invalid(TIMEOUT, `milliseconds from 1 to ${TIMEOUT_MAX_MILLIS}`, shown(value))
}

const readPin = (
  value: string | null,
  version: string | undefined,
): string | undefined | Refusal => {
  if (value === null || value === "") return version
  if (!isVersionName(value)) return invalid(VERSION, "the name of a version", shown(value))
  if (version === undefined || version === value) return value
  return invalid(VERSION, `"${version}" as in the address`, shown(value))
}

const readKey = (value: string | null): string | undefined | Refusal => {
  if (value === null) return undefined
  // What several headers are joined with; of two keys none can be chosen.
  if (value.includes(", "))
    return invalid(IDEMPOTENCY_KEY, 'one key, without ", " in it', shown(value))
  if (isKey(value)) return value
  return invalid(IDEMPOTENCY_KEY, `1 to ${KEY_MAX_CHARACTERS} printable characters`, shown(value))
}

/** As the caller gave it, where it is printable and short enough to be carried along. */
export const requestIdOf = (headers: Headers): string | undefined => {
  const value = headers.get(REQUEST_ID)
  if (value === null || value.length > REQUEST_ID_MAX_CHARACTERS) return undefined
  return PRINTABLE.test(value) ? value : undefined
}

export const traceparentOf = (headers: Headers): string | undefined => {
  const value = headers.get(TRACEPARENT)
  if (value === null || value.length > TRACEPARENT_MAX_CHARACTERS) return undefined
  return readTraceparent(value) === undefined ? undefined : value
}

const isRefused = (value: unknown): value is Refusal => typeof value === "object"

/** `version` is the one of the address. */
export const readCall = (headers: Headers, version: string | undefined): Call | Refusal => {
  const pinned = readPin(headers.get(VERSION), version)
  if (isRefused(pinned)) return pinned
  const timeoutMillis = readTimeout(headers.get(TIMEOUT))
  if (isRefused(timeoutMillis)) return timeoutMillis
  const key = readKey(headers.get(IDEMPOTENCY_KEY))
  if (isRefused(key)) return key
  return {
    kind: "call",
    pinned,
    timeoutMillis,
    key,
    requestId: requestIdOf(headers),
    traceparent: traceparentOf(headers),
    isAsync: readPreference(headers).isAsync,
  }
}

/**
 * The deadline: the header's, else the protocol's parameter `timeout` in microseconds (0 for none),
 * else the default; for a caller who does not wait, the longest.
 */
export const handlingOf = (
  call: Call,
  parameters: Parameters | undefined,
  caller: string | undefined,
  timeoutDefaultMillis: number,
): Handling | Refusal => {
  const { pinned, requestId, traceparent, isAsync } = call
  const priority = parameters?.["priority"]
  if (priority !== undefined && !(Number.isSafeInteger(priority) && Number(priority) >= 0))
    return invalid("parameters.priority", "a whole number from 0", shown(`${priority}`))
  const parameter = parameters?.["timeout"]
  let timeoutMillis = call.timeoutMillis
  if (timeoutMillis === undefined && parameter !== undefined && parameter !== 0) {
    const micros = typeof parameter === "number" ? parameter : Number.NaN
    if (!Number.isInteger(micros) || micros < 1 || micros > TIMEOUT_MAX_MILLIS * 1_000)
      return invalid(
        "parameters.timeout",
        `microseconds from 1 to ${TIMEOUT_MAX_MILLIS * 1_000}, or 0 for none`,
        shown(`${parameter}`),
      )
    timeoutMillis = Math.ceil(micros / 1_000)
  }
  return {
    pinned,
    timeoutMillis: timeoutMillis ?? (isAsync ? TIMEOUT_MAX_MILLIS : timeoutDefaultMillis),
    caller,
    requestId,
    traceparent,
    isAsync,
  }
}
