// A gate on requests as they travel: a suite made ready for one signature. The gateway and the
// predictor run this same check, after the one that a request suits the model at all.
import type { QualityMark } from "#proto/prediction"
import type { InferenceRequest } from "#proto/request"
import type { Signature } from "#proto/signature"
import { compileGate, GateRefused } from "./gate.ts"
import { requestRows } from "./request-rows.ts"
import type { Suite } from "./suite.ts"

/** What of the request is not as expected, or undefined. */
export type JudgeRequest = (request: InferenceRequest) => QualityMark | undefined

/** Longest message: values that callers send are in it. */
const MESSAGE_MAX_CHARACTERS = 400
/** In place of an expectation: the suite does not suit the version that is to answer. */
export const UNUSABLE = "unusable_suite"

const shortened = (text: string): string =>
  (text.length <= MESSAGE_MAX_CHARACTERS
    ? text
    : `${text.slice(0, MESSAGE_MAX_CHARACTERS - 1)}…`
  ).toWellFormed()

/** @throws GateRefused */
export const requestGate = (suite: Suite, { features }: Signature): JudgeRequest => {
  const gate = compileGate(suite, features)
  return (request) => {
    const { rows, read } = requestRows(features, request.inputs)
    const failure = gate.check(rows, read)
    if (failure === undefined) return undefined
    const { expectation, columns, row, message } = failure
    return { suite: suite.name, expectation, columns, row, message: shortened(message) }
  }
}

/**
 * As `requestGate`; a suite that does not suit the signature finds every request at fault, since
 * nothing may pass a gate unjudged.
 */
export const strictRequestGate = (suite: Suite, signature: Signature): JudgeRequest => {
  try {
    return requestGate(suite, signature)
  } catch (cause) {
    if (!(cause instanceof GateRefused)) throw cause
    return unusable(suite.name, cause.message)
  }
}

export const unusable = (suite: string, reason: string): JudgeRequest => {
  const message = shortened(reason)
  return () => ({ suite, expectation: UNUSABLE, columns: [], row: 0, message })
}
