// The route that fetches what was predicted: at once, or by a long poll.
import { isLogId } from "#proto/names"
import { POSITION } from "#proto/headers"
import { formOf, positionOf, readQuery } from "../http/address.ts"
import { checkNames } from "../http/call.ts"
import type { Erasures } from "./erased.ts"
import { operations } from "../http/operations.ts"
import type { Polls } from "./poll.ts"
import { readPreference } from "../http/preference.ts"
import { visible, type FindAtPosition } from "./predictions.ts"
import type { Responder } from "../http/respond.ts"
import type { Route } from "../http/routes.ts"
import { refuse } from "../http/status.ts"

export interface PredictionRouteOptions {
  readonly polls: Polls
  readonly findAt: FindAtPosition
  readonly erasures: Pick<Erasures, "isKnownTo">
  readonly responder: Responder
}

const MILLIS_PER_SECOND = 1_000

const applied = (waitSeconds: number): Record<string, string> =>
  waitSeconds === 0 ? {} : { "Preference-Applied": `wait=${waitSeconds}` }

export const predictionRoutes = (options: PredictionRouteOptions): ReadonlyArray<Route> => {
  const { polls, findAt, erasures, responder } = options

  const fetch: Route["handle"] = async (request, { model = "", id = "" }, { caller }) => {
    const wrongName = checkNames(model, undefined)
    if (wrongName !== undefined) return responder.refused(wrongName)
    if (!isLogId(id))
      return responder.refused(refuse("invalid", "id: expected 1 to 64 of A-Z a-z 0-9 _ -"))
    const query = readQuery(request, ["form", "position"])
    if ("kind" in query) return responder.refused(query)
    const form = formOf(query)
    if (typeof form !== "string") return responder.refused(form)
    const given = query.get("position") ?? request.headers.get(POSITION)
    const position = positionOf("position", given)
    if (typeof position === "object") return responder.refused(position)
    const { waitSeconds } = readPreference(request.headers)
    const waitMillis = waitSeconds * MILLIS_PER_SECOND
    const found = await polls.wait({ caller, model, id, waitMillis, gone: request.signal })
    const isUnknown = found.kind === "refused" && found.error === "unknownId"
    const known =
      isUnknown && position !== undefined
        ? visible(await findAt(model, id, position), caller, model, id)
        : found
    const headers = applied(waitSeconds)
    if (known.kind === "refused") {
      const isErased = known.error === "unknownId" && erasures.isKnownTo(caller, model, id)
      const message = `Prediction '${id}' of model '${model}' was erased`
      return responder.refused(isErased ? refuse("gone", message, { id }) : known, headers)
    }
    if (known.kind === "queued") return responder.queued(id, model, headers)
    return responder.answered(known, form, headers)
  }

  return [
    {
      method: "GET",
      access: "result",
      path: "/v2/models/:model/predictions/:id",
      handle: fetch,
      operation: operations.prediction,
    },
  ]
}
