// The gRPC server of a gateway, on the parts that its HTTP server stands on.
import type { Releases } from "#core/registry/releases"
import type { Logger } from "#core/service/logger"
import type { Guard } from "../access/auth.ts"
import { Seats } from "../access/seats.ts"
import type { RequestLog } from "../http/request-log.ts"
import type { GatewayTraces } from "../http/spans.ts"
import type { Intake } from "../inference/intake.ts"
import type { GatewayMetrics } from "../metrics.ts"
import { EXTENSIONS } from "../models/model-routes.ts"
import type { Repository } from "../models/repository.ts"
import type { ModelStatistics } from "../models/statistics.ts"
import { MESSAGE_OVERHEAD_BYTES, type GatewaySettings } from "../settings.ts"
import type { Readiness } from "../watch/readiness.ts"
import { Calls } from "./calls.ts"
import { GrpcMetrics } from "./grpc-metrics.ts"
import { listenGrpc, type GrpcServer } from "./grpc-server.ts"
import { servicesOf } from "./services.ts"
import { transportRefusals } from "./transport-refusals.ts"

export interface GrpcParts {
  readonly settings: GatewaySettings
  readonly releases: Releases
  readonly guard: Guard
  readonly logger: Logger
  readonly version: string
  readonly metrics: GatewayMetrics
  readonly traces: GatewayTraces | undefined
  readonly requestLog: RequestLog
  readonly intake: Intake
  readonly repository: Repository
  readonly statistics: ModelStatistics
  readonly readiness: () => Readiness
  readonly stopping: AbortSignal
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

/**
 * Undefined where the settings ask for none.
 *
 * @throws GrpcPortTaken
 */
export const startGrpc = async (parts: GrpcParts): Promise<GrpcServer | undefined> => {
  const { settings, guard, logger, version, metrics, traces, requestLog, now } = parts
  const { grpcPort, host, requestBytesMax, outputBytesMax, serverName } = settings
  const seats = new Seats({ max: settings.streamsMax, perCaller: settings.streamsPerCaller })
  const grpcMetrics = new GrpcMetrics(metrics.registry, () => seats.taken)
  if (grpcPort === undefined) return undefined
  const shedStatus = Number(settings.shedStatus)
  const watching = { metrics, grpcMetrics, traces, requestLog, logger, shedStatus, now }
  const calls = new Calls({ guard, ...watching })
  const { releases, intake, repository, statistics, readiness, stopping } = parts
  return listenGrpc({
    host,
    port: grpcPort,
    requestBytesMax,
    answerBytesMax: outputBytesMax + MESSAGE_OVERHEAD_BYTES,
    interceptors: [transportRefusals(calls, requestBytesMax)],
    services: servicesOf({
      calls,
      releases,
      readiness,
      inference: { intake, metrics, now },
      repository,
      statistics,
      seats,
      server: { name: serverName, version, extensions: EXTENSIONS },
      stopping,
    }),
  })
}
