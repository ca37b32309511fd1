// The routes that say how models are served and what they have served, and those that load and
// unload them.
import type { Releases } from "#core/registry/releases"
import { readText } from "../http/body.ts"
import { checkNames } from "../http/call.ts"
import type { Operation } from "../http/operations.ts"
import { unpackedJson, type Responder } from "../http/respond.ts"
import type { Handler, Route } from "../http/routes.ts"
import { refuse, type Refusal } from "../http/status.ts"
import { modelConfig } from "./config.ts"
import { controlOperations as operations } from "./control-operations.ts"
import type { Repository } from "./repository.ts"
import { ModelStatistics, statisticsDocument } from "./statistics.ts"
import { targetOf } from "../inference/target.ts"

export interface ControlRoutesOptions {
  readonly releases: Releases
  readonly repository: Repository
  readonly statistics: ModelStatistics
  readonly responder: Responder
  readonly requestBytesMax: number
  readonly bodyWaitMillis: number
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
}

const json = (value: unknown) => unpackedJson(value)

/** Names of the parameters in the body of a load or an unload. */
const parameterNames = (text: string): ReadonlyArray<string> | Refusal => {
  if (text.trim() === "") return []
  const wrong = refuse("invalid", 'body: expected {"parameters"?: {…}}')
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== "object" || body === null || Array.isArray(body)) return wrong
    const parameters = "parameters" in body ? (body.parameters ?? {}) : {}
    if (typeof parameters !== "object" || Array.isArray(parameters)) return wrong
    return Object.keys(parameters)
  } catch {
    return wrong
  }
}

const look = (path: string, handle: Handler, operation: Operation): Route => ({
  method: "GET",
  path,
  access: "key",
  handle,
  operation,
})

const lookingRoutes = (options: ControlRoutesOptions): ReadonlyArray<Route> => {
  const { releases, statistics, responder } = options

  const stats: Handler = async (_, { model, version }) => {
    const wrong = model === undefined ? undefined : checkNames(model, version)
    if (wrong !== undefined) return responder.refused(wrong)
    const found = await statistics.of(model, version)
    return "kind" in found ? responder.refused(found) : json(statisticsDocument(found))
  }

  const config: Handler = (_, { model = "", version }) => {
    const wrong = checkNames(model, version)
    if (wrong !== undefined) return responder.refused(wrong)
    const target = targetOf(releases, model, version)
    if (target.kind === "refused") return responder.refused(target)
    return json(modelConfig(target))
  }

  return [
    look("/v2/models/stats", stats, operations.allStatistics),
    look("/v2/models/:model/stats", stats, operations.statistics),
    look("/v2/models/:model/versions/:version/stats", stats, operations.versionStatistics),
    look("/v2/models/:model/config", config, operations.config),
    look("/v2/models/:model/versions/:version/config", config, operations.versionConfig),
  ]
}

type Decide = (
  model: string,
  version: string | undefined,
  parameters: ReadonlyArray<string>,
) => Promise<Refusal | undefined>

export const controlRoutes = (options: ControlRoutesOptions): ReadonlyArray<Route> => {
  const { repository, responder, keepOpen, requestBytesMax, bodyWaitMillis } = options

  const decision =
    (decide: Decide): Handler =>
    async (request, { model = "", version }) => {
      const wrong = checkNames(model, version)
      if (wrong !== undefined) return responder.refused(wrong)
      const takesBytes = true
      const body = { bytesMax: requestBytesMax, waitMillis: bodyWaitMillis, takesBytes } as const
      const text = await readText(request, body)
      if (typeof text !== "string") return responder.refused(text)
      const parameters = parameterNames(text)
      if ("kind" in parameters) return responder.refused(parameters)
      keepOpen(request)
      const refusal = await decide(model, version, parameters)
      return refusal === undefined ? json({}) : responder.refused(refusal)
    }
  const load = decision((...asked) => repository.load(...asked))
  const unload = decision((model, version) => repository.unload(model, version))
  const command = (path: string, handle: Handler, operation: Operation): Route => ({
    method: "POST",
    path: `/v2/repository/models/:model${path}`,
    access: "operate",
    handle,
    operation,
  })

  return [
    ...lookingRoutes(options),
    command("/load", load, operations.load),
    command("/unload", unload, operations.unload),
    command("/versions/:version/load", load, operations.loadVersion),
    command("/versions/:version/unload", unload, operations.unloadVersion),
  ]
}
