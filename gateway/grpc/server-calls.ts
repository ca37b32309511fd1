// The calls about the server and its models: what they say is what the routes over HTTP say.
import type { Releases } from "#core/registry/releases"
import { checkNames } from "../http/call.ts"
import type { ErrorCase, Refusal } from "../http/status.ts"
import { targetOf, type Target } from "../inference/target.ts"
import type { Readiness } from "../watch/readiness.ts"
import {
  ModelMetadataResponse,
  ModelReadyResponse,
  ModelRequest,
  Nothing,
  ServerLiveResponse,
  ServerMetadataResponse,
  ServerReadyResponse,
} from "./server-messages.ts"
import { reply, unary, type UnaryHandler, type UnaryMethod } from "./unary.ts"
import type { Calls } from "./calls.ts"

const PLATFORM = "onnx_onnxv1"
/** Whether a model is ready has an answer for these too: stock clients raise on any status. */
const NOT_SERVED: ReadonlySet<ErrorCase> = new Set([
  "modelUnavailable",
  "unknownModel",
  "unknownVersion",
])

export interface ServerCallOptions {
  readonly calls: Calls
  readonly releases: Releases
  readonly readiness: () => Readiness
  readonly server: {
    readonly name: string
    readonly version: string
    readonly extensions: ReadonlyArray<string>
  }
}

export const versionOf = ({ version }: ModelRequest): string | undefined =>
  version === "" ? undefined : version

/** The version that a request about a model means. */
const targetIn = (releases: Releases, request: ModelRequest): Target | Refusal =>
  checkNames(request.name, versionOf(request)) ??
  targetOf(releases, request.name, versionOf(request))

export const serverCalls = (
  service: string,
  { calls, releases, readiness, server }: ServerCallOptions,
): Readonly<Record<string, UnaryHandler>> => {
  const call = <I, O>(name: string, method: UnaryMethod<I, O>) =>
    unary(calls, `/${service}/${name}`, method)
  return {
    ServerLive: call("ServerLive", {
      access: "open",
      request: Nothing,
      response: ServerLiveResponse,
      answer: () => reply({ live: true }),
    }),
    ServerReady: call("ServerReady", {
      access: "open",
      request: Nothing,
      response: ServerReadyResponse,
      answer: () => reply({ ready: readiness().ready }),
    }),
    ServerMetadata: call("ServerMetadata", {
      access: "key",
      request: Nothing,
      response: ServerMetadataResponse,
      answer: () => reply(server),
    }),
    ModelReady: call("ModelReady", {
      access: "key",
      request: ModelRequest,
      response: ModelReadyResponse,
      answer: (request) => {
        const target = targetIn(releases, request)
        if (target.kind === "target") return reply({ ready: readiness().ready })
        return NOT_SERVED.has(target.error) ? reply({ ready: false }) : target
      },
    }),
    ModelMetadata: call("ModelMetadata", {
      access: "key",
      request: ModelRequest,
      response: ModelMetadataResponse,
      answer: (request) => {
        const target = targetIn(releases, request)
        if (target.kind === "refused") return target
        const { inputs, outputs } = target.signature
        const one = versionOf(request)
        const all = releases.model(request.name)?.versions.keys() ?? []
        const versions = one === undefined ? [...all] : [one]
        return reply({ name: request.name, versions, platform: PLATFORM, inputs, outputs })
      },
    }),
  }
}
