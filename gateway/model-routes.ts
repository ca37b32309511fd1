// The routes about server and models: health, metadata, the repository's index and metrics. They
// read what is known already and change nothing.
import type { Release, RegisteredVersion } from "#core/registry/release"
import type { Releases } from "#core/registry/releases"
import { readText } from "./body.ts"
import { checkNames } from "./call.ts"
import type { GatewayMetrics } from "./metrics.ts"
import type { Readiness } from "./readiness.ts"
import { jsonResponse, type Responder } from "./respond.ts"
import type { Handler, Route } from "./routes.ts"
import { CASES, refuse } from "./status.ts"
import { targetOf } from "./target.ts"

const INDEX_BYTES_MAX = 4_096
const SERVER_NAME = "weir"
/** Extensions of the Open Inference Protocol that are there. */
const EXTENSIONS = ["parameters"]
const PLATFORM = "onnx_onnxv1"

export interface ModelRoutesOptions {
  readonly releases: Releases
  readonly readiness: () => Readiness
  readonly responder: Responder
  readonly metrics: GatewayMetrics
  readonly version: string
}

const json = (value: unknown, status = 200) => jsonResponse(JSON.stringify(value), status)

const stateOf = (release: Release, version: string, known: RegisteredVersion) => ({
  name: release.model,
  version,
  state: known.loaded ? "READY" : "UNAVAILABLE",
  reason: known.loaded ? "" : "unloaded",
})

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

const get = (path: string, handle: Handler): Route => ({ method: "GET", path, handle })

const serverRoutes = (options: ModelRoutesOptions): ReadonlyArray<Route> => {
  const { readiness, metrics, version } = options

  const live: Handler = () => json({ live: true })
  const ready: Handler = () => {
    const { ready: isReady, degraded, reasons, history } = readiness()
    const body = { ready: isReady, degraded, reasons, history }
    if (isReady) return json(body)
    const { status, code } = CASES.notReady
    return json({ ...body, error: reasons.join("; "), code }, status)
  }
  const exposition: Handler = async () =>
    new Response(await metrics.registry.metrics(), {
      headers: { "content-type": metrics.registry.contentType },
    })

  return [
    get("/health", ready),
    get("/health/live", live),
    get("/health/ready", ready),
    get("/v2/health/live", live),
    get("/v2/health/ready", ready),
    get("/v2", () => json({ name: SERVER_NAME, version, extensions: EXTENSIONS })),
    get("/metrics", exposition),
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
    const text = await readText(request, INDEX_BYTES_MAX)
    if (typeof text !== "string") return responder.refused(text)
    const readyOnly = wantsReadyOnly(text)
    if (readyOnly === undefined)
      return responder.refused(refuse("invalid", 'body: expected {"ready"?: true or false}'))
    const entries = [...releases.models().values()].flatMap((release) =>
      [...release.versions].map(([version, known]) => stateOf(release, version, known)),
    )
    return json(readyOnly ? entries.filter(({ state }) => state === "READY") : entries)
  }

  return [
    ...serverRoutes(options),
    get("/v2/models", models),
    get("/v2/models/:model", metadata),
    get("/v2/models/:model/versions/:version", metadata),
    get("/v2/models/:model/ready", modelReady),
    get("/v2/models/:model/versions/:version/ready", modelReady),
    { method: "POST", path: "/v2/repository/index", handle: index },
  ]
}
