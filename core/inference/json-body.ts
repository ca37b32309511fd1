// What the JSON bodies of every route have in common: an object, the caller's own id, parameters,
// and no key twice. It knows nothing of tensors.
import { CLIENT_ID_MAX_CHARACTERS, type InferenceRequest, type Parameters } from "#proto/request"
import type { Tensor } from "#proto/tensor"
import { BadRequest, cut, shown } from "./bad-request.ts"
import { repeatedKey } from "./json-text.ts"

/** Most entries of one `parameters` object. */
export const PARAMETERS_MAX = 256
/** Most characters of one parameter's name or text. */
export const PARAMETER_MAX_CHARACTERS = 4_096

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** How many keys `value` has when it is an object. */
export const keyCount = (value: unknown): number => {
  let count = 0
  if (isObject(value)) for (const _key in value) count++
  return count
}

/** Clients that write every field send null for what they leave out. */
export const isAbsent = (value: unknown): value is undefined | null =>
  value === undefined || value === null

/** The body as an object, or what is wrong with it. */
export const parseBody = (text: string): JsonObject | BadRequest => {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    if (text.length === 0) return new BadRequest("body", "a JSON object", "nothing")
    // A body can be nested too deeply for the parser's stack: that is a RangeError, and as final as
    // bad syntax.
    const reason = error instanceof Error ? error.message.replace("JSON Parse error: ", "") : ""
    return new BadRequest("body", "JSON", `text that cannot be read (${cut(reason)})`)
  }
  return isObject(body) ? body : new BadRequest("body", "a JSON object", shown(body))
}

/**
 * Refuses a body in which an object has a key twice; `keys` is how many the caller of this found in
 * the parsed body.
 */
export const refuseRepeatedKeys = (text: string, keys: number): BadRequest | undefined => {
  const key = repeatedKey(text, keys)
  if (key === undefined) return undefined
  return new BadRequest("body", "each key at most once in an object", `${shown(key)} twice`)
}

/** The caller's own id. */
export const readClientId = (body: JsonObject): string | undefined | BadRequest => {
  const id = body["id"]
  if (isAbsent(id)) return undefined
  if (typeof id !== "string" || !id.isWellFormed()) {
    return new BadRequest("id", "a string without lone surrogates", shown(id))
  }
  if (id.length <= CLIENT_ID_MAX_CHARACTERS) return id
  return new BadRequest("id", `at most ${CLIENT_ID_MAX_CHARACTERS} characters`, `${id.length}`)
}

const PARAMETER_VALUE = `a number, a boolean or at most ${PARAMETER_MAX_CHARACTERS} characters`

const isText = (value: string): boolean =>
  value.length <= PARAMETER_MAX_CHARACTERS && value.isWellFormed()

const isParameter = (value: unknown): value is string | number | boolean =>
  typeof value === "string"
    ? isText(value)
    : typeof value === "number"
      ? Number.isFinite(value)
      : typeof value === "boolean"

/** The `parameters` member of `holder`, which stands at `path` in the body. */
export const readParameters = (
  holder: JsonObject,
  path: string,
): Parameters | undefined | BadRequest => {
  const given = holder["parameters"]
  if (isAbsent(given)) return undefined
  const field = `${path}parameters`
  if (!isObject(given)) return new BadRequest(field, "an object", shown(given))
  const entries = Object.entries(given)
  if (entries.length > PARAMETERS_MAX) {
    return new BadRequest(field, `at most ${PARAMETERS_MAX} entries`, `${entries.length}`)
  }
  const parameters: Record<string, string | number | boolean> = {}
  for (const [name, value] of entries) {
    // MessagePack decoders refuse this key, so a request that carried it could never be read back.
    if (name === "__proto__" || !isText(name)) {
      return new BadRequest(field, "names without lone surrogates", shown(name))
    }
    if (!isParameter(value)) {
      return new BadRequest(`${field}.${cut(name)}`, PARAMETER_VALUE, shown(value))
    }
    parameters[name] = value
  }
  return parameters
}

type Draft = { -readonly [Field in keyof InferenceRequest]: InferenceRequest[Field] }

/** A request of what was read; what is absent is left out. */
export const requestOf = (
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<string> | undefined,
  clientId: string | undefined,
  parameters: Parameters | undefined,
): InferenceRequest => {
  const request: Draft = { inputs }
  if (outputs !== undefined) request.outputs = outputs
  if (clientId !== undefined) request.clientId = clientId
  if (parameters !== undefined) request.parameters = parameters
  return request
}
