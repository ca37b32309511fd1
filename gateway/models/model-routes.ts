// The routes about server and models: health, metadata, the repository's index and metrics. They
// read what is known already and change nothing.
import type { Releases } from "#core/registry/releases"
import { mergedMetrics, type Peer } from "#core/service/merged-metrics"
import { readText } from "../http/body.ts"
import type { Access } from "../access/caller.ts"
import { checkNames } from "../http/call.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { Readiness } from "../watch/readiness.ts"
import { operations, type Operation } from "../http/operations.ts"
import { unpackedJson, type Responder } from "../http/respond.ts"
import type { Handler, Route } from "../http/routes.ts"
import { CASES, refuse } from "../http/status.ts"
import { targetOf } from "../inference/target.ts"
import { repositoryIndex } from "./repository.ts"

const INDEX_BODY = { bytesMax: 4_096, waitMillis: 10_000, takesBytes: true } as const
const PART = "gateway"
/** Extensions of the Open Inference Protocol that are there. */
export const EXTENSIONS = [
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "model_repository",
  "parameters",
  "schedule_policy",
  "statistics",
]
const PLATFORM = "onnx_onnxv1"

export interface ModelRoutesOptions {
  readonly releases: Releases
  readonly readiness: () => Readiness
  readonly responder: Responder
  readonly metrics: GatewayMetrics
  /** Processes whose metrics are shown with our own. */
  readonly peers: ReadonlyArray<Peer>
  readonly version: string
  /** As `GET /v2` gives it. */
  readonly serverName: string
}

const json = unpackedJson

const wantsReadyOnly = (text: string): boolean | undefined => {
  if (text.trim() === "") return false
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== "object" || body === null) return undefined
    const ready = "ready" in body ? body.ready : false
    return typeof ready === "boolean" ? ready : undefined
  } catch {
    return undefined
  }
}

const get = (path: string, access: Access, handle: Handler, operation: Operation): Route => ({
  method: "GET",
  path,
  access,
  handle,
  operation,
})

const serverRoutes = (options: ModelRoutesOptions): ReadonlyArray<Route> => {
  const { readiness, metrics, peers, version, serverName } = options

  const live: Handler = () => json({ live: true })
  const ready: Handler = () => {
    const { ready: isReady, degraded, reasons, history } = readiness()
    const body = { ready: isReady, degraded, reasons, history }
    if (isReady) return json(body)
    const { status, code } = CASES.notReady
    return json({ ...body, error: reasons.join("; "), code }, status)
  }
  const exposition: Handler = async () => {
    const own = await metrics.registry.metrics()
    const text = peers.length === 0 ? own : await mergedMetrics({ process: PART, text: own }, peers)
    return new Response(text, { headers: { "content-type": metrics.registry.contentType } })
  }

  return [
    get("/health", "open", ready, operations.health),
    get("/health/live", "open", live, operations.live),
    get("/health/ready", "open", ready, operations.ready),
    get("/v2/health/live", "open", live, operations.serverLive),
    get("/v2/health/ready", "open", ready, operations.serverReady),
    get(
      "/v2",
      "key",
      () => json({ name: serverName, version, extensions: EXTENSIONS }),
      operations.server,
    ),
    get("/metrics", "metrics", exposition, operations.metrics),
  ]
}

export const modelRoutes = (options: ModelRoutesOptions): ReadonlyArray<Route> => {
  const { releases, readiness, responder } = options

  const modelReady: Handler = (_, { model = "", version }) => {
    const wrong = checkNames(model, version)
    if (wrong !== undefined) return responder.refused(wrong)
    const target = targetOf(releases, model, version)
    if (target.kind === "target") return json({ name: model, ready: readiness().ready })
    if (target.error === "modelUnavailable")
      return json({ name: model, ready: false }, CASES.modelUnavailable.status)
    return responder.refused(target)
  }

  const metadata: Handler = (_, { model = "", version }) => {
    const wrong = checkNames(model, version)
    if (wrong !== undefined) return responder.refused(wrong)
    const release = releases.model(model)
    const target = targetOf(releases, model, version)
    if (target.kind === "refused") return responder.refused(target)
    const { inputs, outputs } = target.signature
    const versions = version === undefined ? [...(release?.versions.keys() ?? [])] : [version]
    return json({ name: model, versions, platform: PLATFORM, inputs, outputs })
  }

  const models: Handler = () =>
    json({
      models: [...releases.models().values()].map(({ model, versions, champion }) => ({
        name: model,
        version: champion,
        versions: [...versions.keys()],
      })),
    })

  const index: Handler = async (request) => {
    const text = await readText(request, INDEX_BODY)
    if (typeof text !== "string") return responder.refused(text)
    const readyOnly = wantsReadyOnly(text)
    if (readyOnly === undefined)
      return responder.refused(refuse("invalid", 'body: expected {"ready"?: true or false}'))
    return json(repositoryIndex(releases, readyOnly))
  }

  return [
    ...serverRoutes(options),
    get("/v2/models", "key", models, operations.models),
    get("/v2/models/:model", "key", metadata, operations.model),
    get("/v2/models/:model/versions/:version", "key", metadata, operations.modelVersion),
    get("/v2/models/:model/ready", "key", modelReady, operations.modelReady),
    get("/v2/models/:model/versions/:version/ready", "key", modelReady, operations.versionReady),
    { ...get("/v2/repository/index", "key", index, operations.index), method: "POST" },
  ]
}
