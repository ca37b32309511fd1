// The services that the gRPC server has, put together from the parts of a gateway. What the public
// protocol knows and is not here is refused by name, so that nobody takes it for an older protocol.
import type { Releases } from "#core/registry/releases"
import { refuse } from "../http/status.ts"
import type { Repository } from "../models/repository.ts"
import type { ModelStatistics } from "../models/statistics.ts"
import type { Readiness } from "../watch/readiness.ts"
import type { Seats } from "../access/seats.ts"
import type { Calls } from "./calls.ts"
import type { GrpcListenOptions, Method } from "./grpc-server.ts"
import { Health, HEALTH_SERVICE } from "./health.ts"
import { InferenceCalls, type InferenceCallOptions } from "./inference.ts"
import { modelCalls } from "./model-calls.ts"
import { serverCalls, type ServerCallOptions } from "./server-calls.ts"
import { Nothing } from "./server-messages.ts"
import { inferStream } from "./stream.ts"
import { unary, type UnaryHandler } from "./unary.ts"

export const INFERENCE_SERVICE = "inference.GRPCInferenceService"

/** Methods of other servers of this protocol. */
const UNSUPPORTED = [
  "SystemSharedMemoryStatus",
  "SystemSharedMemoryRegister",
  "SystemSharedMemoryUnregister",
  "CudaSharedMemoryStatus",
  "CudaSharedMemoryRegister",
  "CudaSharedMemoryUnregister",
  "TraceSetting",
  "LogSettings",
]

export interface ServiceOptions {
  readonly calls: Calls
  readonly releases: Releases
  readonly readiness: () => Readiness
  readonly repository: Repository
  readonly statistics: ModelStatistics
  readonly inference: Omit<InferenceCallOptions, "releases">
  readonly seats: Seats
  readonly server: ServerCallOptions["server"]
  readonly stopping: AbortSignal
}

const unsupported = (calls: Calls, name: string): UnaryHandler =>
  unary(calls, `/${INFERENCE_SERVICE}/${name}`, {
    access: "key",
    request: Nothing,
    response: Nothing,
    answer: () => refuse("unsupported", `${name}: this server does not have it`),
  })

const plain = (handlers: Readonly<Record<string, UnaryHandler>>): Record<string, Method> =>
  Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [name, { handle }]))

export const servicesOf = (options: ServiceOptions): GrpcListenOptions["services"] => {
  const { calls, releases, repository, statistics, readiness, seats, server, stopping } = options
  const inference = new InferenceCalls({ ...options.inference, releases })
  const health = new Health({
    calls,
    services: new Set([INFERENCE_SERVICE, HEALTH_SERVICE]),
    isServing: () => readiness().ready,
    stopping,
  })
  const streamPath = `/${INFERENCE_SERVICE}/ModelStreamInfer`
  return {
    [INFERENCE_SERVICE]: {
      ...plain(serverCalls(INFERENCE_SERVICE, { calls, releases, readiness, server })),
      ...plain(modelCalls(INFERENCE_SERVICE, { calls, releases, repository, statistics })),
      ...plain({
        ModelInfer: unary(calls, `/${INFERENCE_SERVICE}/ModelInfer`, inference.method),
        ...Object.fromEntries(UNSUPPORTED.map((name) => [name, unsupported(calls, name)])),
      }),
      ModelStreamInfer: {
        requestStream: true,
        responseStream: true,
        handle: inferStream(streamPath, { calls, inference, seats, stopping }),
      },
    },
    [HEALTH_SERVICE]: {
      Check: { handle: health.check() },
      Watch: { responseStream: true, handle: health.watch() },
    },
  }
}
