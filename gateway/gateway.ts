// One gateway, put together from an open log: what `main.ts` runs and what tests start in their own
// process.
import type { Gates } from "#core/gates/gates"
import type { Log } from "#core/log/log"
import type { Releases } from "#core/registry/releases"
import type { Logger } from "#core/service/logger"
import { readPeers } from "#core/service/merged-metrics"
import { makeTracer } from "#core/service/tracing"
import type { Guard } from "./access/auth.ts"
import { Backlog } from "./watch/backlog.ts"
import { BulkInference } from "./inference/bulk.ts"
import { Seats } from "./access/seats.ts"
import { startGrpc } from "./grpc/start-grpc.ts"
import { descriptionRoutes } from "./http/description-routes.ts"
import { FeedRoutes } from "./feed/feed-routes.ts"
import { HistoryWatch } from "./watch/history-watch.ts"
import { listen, type HttpServer } from "./http/http-server.ts"
import { InferenceRoutes } from "./inference/inference-routes.ts"
import { Intake } from "./inference/intake.ts"
import { newId } from "./http/ids.ts"
import { KeyedSubmitter } from "./inference/keyed.ts"
import { makeManners, originsOf } from "./http/manners.ts"
import { LogWatch } from "./watch/log-watch.ts"
import { GatewayMetrics } from "./metrics.ts"
import { controlRoutes } from "./models/control-routes.ts"
import { modelRoutes } from "./models/model-routes.ts"
import { Repository } from "./models/repository.ts"
import { ModelStatistics } from "./models/statistics.ts"
import { ErasureWatch } from "./predictions/erased.ts"
import { Polls } from "./predictions/poll.ts"
import { OutcomeMetrics } from "./outcomes/outcome-metrics.ts"
import { outcomeRoutes } from "./outcomes/outcome-routes.ts"
import { predictionRoutes } from "./predictions/prediction-routes.ts"
import { findAtPosition, findPrediction } from "./predictions/predictions.ts"
import { readinessOf } from "./watch/readiness.ts"
import { DoorMetrics, makeDoor } from "./quality/door.ts"
import { registerReaders } from "./feed/reader-metrics.ts"
import { RequestLog } from "./http/request-log.ts"
import { makeResponder, type Responder } from "./http/respond.ts"
import { makeApp } from "./http/routes.ts"
import type { GatewaySettings } from "./settings.ts"
import { GatewayTraces } from "./http/spans.ts"
import { Submitter } from "./inference/submit.ts"
import { v1ModelRoutes, v1PredictRoutes } from "./v1/v1-routes.ts"
import { Waiters } from "./inference/waiters.ts"

export interface GatewayOptions {
  readonly log: Log
  readonly releases: Releases
  readonly gates: Gates
  readonly settings: GatewaySettings
  readonly guard: Guard
  readonly logger: Logger
  readonly version: string
}

export interface Gateway {
  readonly url: string
  /** `host:port`; undefined where there is no gRPC. */
  readonly grpcAddress: string | undefined
  /** Refuses new connections, answers what it holds, then ends. */
  readonly stop: () => Promise<void>
}

const now = () => performance.now()
const time = () => Date.now()

const seatsOf = (settings: GatewaySettings) => ({
  bulks: new Seats({ max: settings.bulksMax, perCaller: settings.bulksPerCaller }),
  polls: new Seats({ max: settings.pollsMax, perCaller: settings.pollsPerCaller }),
  feeds: new Seats({
    max: settings.feedReadersMax,
    perCaller: settings.feedReadersPerCaller,
  }),
})

/** What every transport needs. */
const planeOf = (options: GatewayOptions, parts: Parts) => {
  const { log, releases, settings, logger } = options
  const { metrics, backlog, waiters, traces, history, draining } = parts
  const { replicas, fastLane, inFlightMax, publishWaitMillis, loadWaitMillis } = settings
  const submitter = new Submitter({
    log,
    backlog,
    metrics,
    traces,
    waiters,
    replicas,
    fastLane,
    inFlightMax,
    publishWaitMillis,
    now,
    time,
  })
  const retryAfterSeconds = () => backlog.state.retryAfterSeconds(false)
  const keyed = new KeyedSubmitter({ log, submitter, replicas })
  const admit = makeDoor(options.gates, new DoorMetrics(metrics.registry))
  const predictorsSeen = () => backlog.state.predictorsSeen()
  return {
    intake: new Intake({ releases, submitter, keyed, admit, settings, retryAfterSeconds }),
    repository: new Repository({ log, releases, loadWaitMillis, predictorsSeen, now, time }),
    statistics: new ModelStatistics({ log, releases }),
    readiness: () =>
      readinessOf({ link: log.link, releases, backlog: backlog.state, history, draining }),
    requestLog: new RequestLog({ logger, slowMillis: settings.slowMillis, now }),
  }
}
type Plane = ReturnType<typeof planeOf>

/** The routes that show what was stored. */
const lookingRoutes = (
  options: GatewayOptions,
  parts: Parts,
  responder: Responder,
  seats: ReturnType<typeof seatsOf>,
) => {
  const { log, releases, settings, logger } = options
  const { pollers: waiters, stopping } = parts
  const { erasures } = parts.erased
  const find = findPrediction(log, settings.replicas)
  const polls = new Polls({ log, find, waiters, seats: seats.polls, now, stopping })
  const shown = { log, releases, responder, logger, erasures }
  const feeds = new FeedRoutes({ ...shown, seats: seats.feeds, stopping, now })
  const findAt = findAtPosition(log)
  return { feeds, polls, polled: predictionRoutes({ polls, findAt, erasures, responder }) }
}

/** The routes that the data plane answers. */
const dataRoutes = (
  options: GatewayOptions,
  parts: Parts,
  { intake }: Plane,
  responder: Responder,
) => {
  const { log, releases, settings, logger } = options
  const { metrics, pollers, keepOpen, stopping } = parts
  const { replicas } = settings
  const seats = seatsOf(settings)
  const shedStatus = Number(settings.shedStatus)
  const shared = { intake, responder, metrics, keepOpen, now }
  const bulk = new BulkInference({
    ...shared,
    seats: seats.bulks,
    logger,
    stopping,
    shedStatus,
  })
  const { feeds, polls, polled } = lookingRoutes(options, parts, responder, seats)
  registerReaders(metrics.registry, { polls: () => pollers.size, bulk, feeds })
  const inference = new InferenceRoutes({ ...shared, releases, bulk, polls })
  return [
    ...inference.routes(),
    ...v1PredictRoutes(inference, responder),
    ...polled,
    ...feeds.routes(),
    ...outcomeRoutes({
      log,
      replicas,
      releases,
      isErased: (model, id) => parts.erased.erasures.isErased(model, id),
      responder,
      seats: seats.bulks,
      metrics: new OutcomeMetrics(metrics.registry),
      requestBytesMax: settings.requestBytesMax,
      bodyWaitMillis: settings.bodyWaitMillis,
      keepOpen,
      stopping,
    }),
  ]
}

const makeRoutes = (options: GatewayOptions, parts: Parts, plane: Plane) => {
  const { releases, settings, guard, logger, version } = options
  const { serverName, requestBytesMax, bodyWaitMillis } = settings
  const { metrics, backlog, draining, traces, keepOpen } = parts
  const { readiness, requestLog, repository, statistics } = plane
  const responder = makeResponder({
    releases,
    shedStatus: Number(settings.shedStatus),
    retryAfterSeconds: () => backlog.state.retryAfterSeconds(false),
  })
  const manners = makeManners({
    origins: originsOf(settings.corsOrigins),
    compressMinCharacters: settings.compressMinCharacters,
    newRequestId: () => newId(time()),
  })
  const bodies = { requestBytesMax, bodyWaitMillis, keepOpen }
  const peers = readPeers(settings.metricsPeers)
  const served = [
    ...dataRoutes(options, parts, plane, responder),
    ...modelRoutes({ releases, readiness, responder, metrics, peers, version, serverName }),
    ...v1ModelRoutes({ releases, readiness, responder }),
    ...controlRoutes({ releases, repository, statistics, responder, ...bodies }),
  ]
  const routes = [...served, ...descriptionRoutes(served, version)]
  const watching = { metrics, traces, requestLog, logger, now, draining }
  return makeApp({ routes, guard, responder, manners, ...watching })
}

interface Parts {
  readonly metrics: GatewayMetrics
  readonly traces: GatewayTraces | undefined
  readonly backlog: Backlog
  readonly waiters: Waiters
  /** Of those who fetch answers, apart from those who wait for their own. */
  readonly pollers: Waiters
  readonly history: HistoryWatch
  readonly erased: ErasureWatch
  readonly draining: () => boolean
  /** Aborted at the beginning of the drain. */
  readonly stopping: AbortSignal
  readonly keepOpen: (request: Request) => void
}

/** Runs `start`; what was begun before it is ended if it fails. */
const orEnd = async <A>(end: () => Promise<void>, start: () => Promise<A>): Promise<A> => {
  try {
    return await start()
  } catch (cause) {
    await end()
    throw cause
  }
}

/**
 * Starts to poll and to listen.
 *
 * @throws PortTaken, GrpcPortTaken
 */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { log, settings } = options
  const stopping = new AbortController()
  const draining = () => stopping.signal.aborted
  let server: HttpServer | undefined
  const metrics = new GatewayMetrics()
  const tracer = makeTracer(metrics.registry, "weir-gateway", options.version, settings)
  const parts: Parts = {
    metrics,
    traces: tracer && new GatewayTraces(tracer, settings.traceSamplePercent),
    backlog: new Backlog(log, now),
    waiters: new Waiters(log, settings.replicas, now),
    pollers: new Waiters(log, settings.replicas, now),
    history: new HistoryWatch(log, now),
    erased: new ErasureWatch(log),
    draining,
    stopping: stopping.signal,
    // No request comes before there is a server.
    keepOpen: (request) => server?.keepOpen(request),
  }
  const { backlog, waiters, pollers, history, erased } = parts
  const watch = new LogWatch(log, settings.monitorUrl, now, Date.now)
  const inFlight = () => waiters.size
  metrics.watch({ backlog: backlog.state, history, log: () => watch.view, inFlight })
  const end = async () => {
    waiters.close()
    pollers.close()
    await Promise.all([backlog.stop(), history.stop(), watch.stop(), erased.stop(), tracer?.stop()])
  }
  await orEnd(end, () => Promise.all([backlog.start(), history.start(), erased.start()]))
  // Nothing that it learns is waited for.
  void watch.start()
  const plane = planeOf(options, parts)
  const app = makeRoutes(options, parts, plane)
  const { host, port, requestBytesMax, drainNoticeMillis, drainMaxMillis } = settings
  const listening = await orEnd(end, async () => listen({ app, host, port, requestBytesMax }))
  server = listening
  const endAll = async () => {
    await end()
    await listening.close()
  }
  const grpc = await orEnd(endAll, () => startGrpc({ ...options, ...parts, ...plane, now }))
  return {
    url: listening.url,
    grpcAddress: grpc?.address,
    stop: async () => {
      stopping.abort()
      await Promise.all([
        listening.drain(drainNoticeMillis, drainMaxMillis),
        grpc?.drain(drainNoticeMillis, drainMaxMillis),
      ])
      // What is left is told that it may still be answered, and can be fetched by its id.
      await end()
      await Promise.all([listening.close(), grpc?.close()])
    },
  }
}
