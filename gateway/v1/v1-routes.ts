// The V1 protocol, for clients of KServe and TensorFlow Serving: another way to write what the
// other routes do. It has a verb behind the name of a model, which is the last part of the address.
import type { Release } from "#core/registry/release"
import type { Releases } from "#core/registry/releases"
import { checkNames } from "../http/call.ts"
import { operations } from "../http/operations.ts"
import { jsonResponse, type Responder } from "../http/respond.ts"
import type { Handler, Route } from "../http/routes.ts"
import { CASES, refuse, type Refusal } from "../http/status.ts"
import type { InferenceRoutes } from "../inference/inference-routes.ts"
import { targetOf } from "../inference/target.ts"
import type { Readiness } from "../watch/readiness.ts"

const VERB = ":predict"
/** Verbs of the protocol that exist elsewhere. */
const OTHER_VERBS = [":explain", ":classify", ":regress"]

/** The name before the verb. */
const beforeVerb = (last: string): string | Refusal => {
  if (last.endsWith(VERB)) return last.slice(0, -VERB.length)
  const other = OTHER_VERBS.find((verb) => last.endsWith(verb))
  if (other !== undefined) return refuse("unsupported", `${other}: expected ${VERB}`)
  return refuse("unknownRoute", `no such path: expected ${VERB} at its end`)
}

const OK = { error_code: "OK", error_message: "" } as const

const statusOf = (release: Release | undefined, only: string | undefined) =>
  [...(release?.versions ?? [])]
    .filter(([version]) => only === undefined || version === only)
    .map(([version, { loaded }]) => ({ version, state: loaded ? "AVAILABLE" : "END", status: OK }))

const ONE = "/v1/models/:model"
const VERSION = "/v1/models/:model/versions/:version"

export const v1PredictRoutes = (
  inference: InferenceRoutes,
  responder: Responder,
): ReadonlyArray<Route> => {
  const predict: Handler = (request, { model = "", version }, { caller }) => {
    const last = beforeVerb(version ?? model)
    if (typeof last !== "string") return responder.refused(last)
    return version === undefined
      ? inference.predict(request, caller, last, undefined, "instances")
      : inference.predict(request, caller, model, last, "instances")
  }
  const route = { method: "POST", access: "predict", handle: predict } as const
  const shown = "/v1/models/{model}:predict"
  const shownVersion = "/v1/models/{model}/versions/{version}:predict"
  return [
    { ...route, path: ONE, shown, operation: operations.v1Predict },
    { ...route, path: VERSION, shown: shownVersion, operation: operations.v1PredictVersion },
  ]
}

export interface V1ModelOptions {
  readonly releases: Releases
  readonly readiness: () => Readiness
  readonly responder: Responder
}

export const v1ModelRoutes = (options: V1ModelOptions): ReadonlyArray<Route> => {
  const { releases, readiness, responder } = options

  const alive: Handler = () => jsonResponse(JSON.stringify({ status: "alive" }))

  const models: Handler = () =>
    jsonResponse(JSON.stringify({ models: [...releases.models().keys()] }))

  const model: Handler = (_, { model = "", version }) => {
    const wrong = checkNames(model, version)
    if (wrong !== undefined) return responder.refused(wrong)
    const target = targetOf(releases, model, version)
    const isLoaded = target.kind === "target"
    if (!isLoaded && target.error !== "modelUnavailable") return responder.refused(target)
    const versions = statusOf(releases.model(model), version)
    const ready = isLoaded && readiness().ready
    const body = { name: model, ready, model_version_status: versions }
    return jsonResponse(JSON.stringify(body), isLoaded ? 200 : CASES.modelUnavailable.status)
  }

  const get = { method: "GET", access: "key" } as const
  return [
    // Where KServe's client looks for life when it speaks V1.
    { ...get, path: "/", access: "open", handle: alive, operation: operations.v1Live },
    { ...get, path: "/v1/models", handle: models, operation: operations.v1Models },
    { ...get, path: ONE, handle: model, operation: operations.v1Model },
    { ...get, path: VERSION, handle: model, operation: operations.v1Version },
  ]
}
