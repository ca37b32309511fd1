// How a caller wants the outputs written: as JSON or raw bytes, whole or as the best classes. It is
// no part of what is asked: requests that differ only in it have one digest and one fact.
import type { Parameters } from "#proto/request"
import { BadRequest, shown } from "./bad-request.ts"

export interface OutputForm {
  /** Undefined where the caller leaves it to the request. */
  readonly binary: boolean | undefined
  /** How many of the best classes to give in place of the values. */
  readonly classes: number | undefined
}

export interface AnswerForm {
  /** Of outputs that say nothing themselves. */
  readonly binary: boolean
  readonly outputs: ReadonlyMap<string, OutputForm>
}

/** Every output as raw bytes. */
export const ALL_BINARY: AnswerForm = { binary: true, outputs: new Map() }

const readFlag = (
  parameters: Parameters,
  name: string,
  path: string,
): boolean | undefined | BadRequest => {
  const value = parameters[name]
  if (value === undefined || typeof value === "boolean") return value
  return new BadRequest(`${path}parameters.${name}`, "true or false", shown(value))
}

/** What the parameters of a requested output say; undefined where they say nothing of its form. */
export const readOutputForm = (
  parameters: Parameters | undefined,
  path: string,
): OutputForm | undefined | BadRequest => {
  if (parameters === undefined) return undefined
  const binary = readFlag(parameters, "binary_data", `${path}.`)
  if (binary instanceof BadRequest) return binary
  const classes = parameters["classification"]
  if (classes === undefined) return binary === undefined ? undefined : { binary, classes }
  if (typeof classes === "number" && Number.isSafeInteger(classes) && classes >= 1)
    return { binary, classes }
  const field = `${path}.parameters.classification`
  return new BadRequest(field, "a number of classes of at least 1", shown(classes))
}

/** Whether an output is wanted otherwise than as plain JSON. */
const isNotable = (outputs: ReadonlyMap<string, OutputForm> | undefined): boolean =>
  outputs?.values().some(({ binary, classes }) => binary === true || classes !== undefined) ?? false

/** The form of a whole answer; undefined for plain JSON. */
export const readAnswerForm = (
  parameters: Parameters | undefined,
  outputs: ReadonlyMap<string, OutputForm> | undefined,
): AnswerForm | undefined | BadRequest => {
  const binary = parameters && readFlag(parameters, "binary_data_output", "")
  if (binary instanceof BadRequest) return binary
  if (binary !== true && !isNotable(outputs)) return undefined
  return { binary: binary === true, outputs: outputs ?? new Map() }
}
