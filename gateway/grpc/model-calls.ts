// The calls that say how models are served and what they have served, and those that load and
// unload them: what the routes of the same names do over HTTP.
import type { Releases } from "#core/registry/releases"
import { checkNames } from "../http/call.ts"
import { targetOf } from "../inference/target.ts"
import { modelConfig } from "../models/config.ts"
import { repositoryIndex, type Repository } from "../models/repository.ts"
import { statisticsDocument, type ModelStatistics } from "../models/statistics.ts"
import type { Refusal } from "../http/status.ts"
import type { Calls } from "./calls.ts"
import {
  ModelConfigResponse,
  ModelStatisticsResponse,
  RepositoryIndexRequest,
  RepositoryIndexResponse,
  RepositoryModelRequest,
} from "./model-messages.ts"
import { versionOf } from "./server-calls.ts"
import { ModelRequest, Nothing, type Of } from "./server-messages.ts"
import { reply, unary, type UnaryHandler, type UnaryMethod } from "./unary.ts"

export interface ModelCallOptions {
  readonly calls: Calls
  readonly releases: Releases
  readonly repository: Repository
  readonly statistics: ModelStatistics
}

type Decide = (model: string, parameters: ReadonlyArray<string>) => Promise<Refusal | undefined>

const configMethod = (
  releases: Releases,
): UnaryMethod<ModelRequest, Of<typeof ModelConfigResponse>> => ({
  access: "key",
  request: ModelRequest,
  response: ModelConfigResponse,
  answer: (request) => {
    const version = versionOf(request)
    const wrong = checkNames(request.name, version)
    if (wrong !== undefined) return wrong
    const target = targetOf(releases, request.name, version)
    if (target.kind === "refused") return target
    const { input, output, dynamic_batching, ...config } = modelConfig(target)
    const reshaped = <T extends object>(tensor: T) => ({ reshape: undefined, ...tensor })
    return reply({
      config: {
        ...config,
        input: input.map(reshaped),
        output: output.map(reshaped),
        dynamic_batching,
      },
    })
  },
})

export const modelCalls = (
  service: string,
  { calls, releases, repository, statistics }: ModelCallOptions,
): Readonly<Record<string, UnaryHandler>> => {
  const call = <I, O>(name: string, method: UnaryMethod<I, O>) =>
    unary(calls, `/${service}/${name}`, method)
  const decision = (name: string, decide: Decide) =>
    call(name, {
      access: "operate",
      request: RepositoryModelRequest,
      response: Nothing,
      answer: async ({ model_name: model, parameters }) => {
        const names = parameters.map(({ key }) => key)
        return checkNames(model, undefined) ?? (await decide(model, names)) ?? reply({})
      },
    })
  return {
    ModelConfig: call("ModelConfig", configMethod(releases)),
    ModelStatistics: call("ModelStatistics", {
      access: "key",
      request: ModelRequest,
      response: ModelStatisticsResponse,
      answer: async (request) => {
        const version = versionOf(request)
        const model = request.name === "" ? undefined : request.name
        const wrong = model === undefined ? undefined : checkNames(model, version)
        if (wrong !== undefined) return wrong
        const found = await statistics.of(model, version)
        return "kind" in found ? found : reply(statisticsDocument(found))
      },
    }),
    RepositoryIndex: call("RepositoryIndex", {
      access: "key",
      request: RepositoryIndexRequest,
      response: RepositoryIndexResponse,
      answer: ({ ready }) => reply({ models: repositoryIndex(releases, ready) }),
    }),
    RepositoryModelLoad: decision("RepositoryModelLoad", (model, parameters) =>
      repository.load(model, undefined, parameters),
    ),
    RepositoryModelUnload: decision("RepositoryModelUnload", (model) =>
      repository.unload(model, undefined),
    ),
  }
}
