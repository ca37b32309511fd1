// One gateway, put together from an open log: what `main.ts` runs and what tests start in their own
// process.
import type { Log } from "#core/log/log"
import type { Releases } from "#core/registry/releases"
import type { Logger } from "#core/service/logger"
import type { Guard } from "./auth.ts"
import { Backlog } from "./backlog.ts"
import { HistoryWatch } from "./history-watch.ts"
import { listen, type HttpServer } from "./http-server.ts"
import { InferenceRoutes } from "./inference-routes.ts"
import { KeyedSubmitter } from "./keyed.ts"
import { LogWatch } from "./log-watch.ts"
import { GatewayMetrics } from "./metrics.ts"
import { modelRoutes } from "./model-routes.ts"
import { findPrediction } from "./predictions.ts"
import { readinessOf } from "./readiness.ts"
import { makeResponder } from "./respond.ts"
import { makeApp } from "./routes.ts"
import type { GatewaySettings } from "./settings.ts"
import { Submitter } from "./submit.ts"
import { Waiters } from "./waiters.ts"

export interface GatewayOptions {
  readonly log: Log
  readonly releases: Releases
  readonly settings: GatewaySettings
  readonly guard: Guard
  readonly logger: Logger
  readonly version: string
}

export interface Gateway {
  readonly url: string
  /** Refuses new connections, answers what it holds, then ends. */
  readonly stop: () => Promise<void>
}

const now = () => performance.now()
const time = () => Date.now()

const makeRoutes = (options: GatewayOptions, parts: Parts) => {
  const { log, releases, settings, guard, logger, version } = options
  const { metrics, backlog, waiters, history, draining } = parts
  const { replicas, inFlightMax, publishWaitMillis, queueFullStatus } = settings
  const submitter = new Submitter({
    log,
    backlog,
    metrics,
    waiters,
    inFlightMax,
    publishWaitMillis,
    now,
    time,
  })
  const responder = makeResponder({ releases, queueFullStatus: Number(queueFullStatus) })
  const inference = new InferenceRoutes({
    releases,
    submitter,
    keyed: new KeyedSubmitter({ log, submitter, replicas }),
    find: findPrediction(log, replicas),
    responder,
    metrics,
    settings,
    keepOpen: parts.keepOpen,
    now,
  })
  const readiness = () =>
    readinessOf({ link: log.link, releases, backlog: backlog.state, history, draining })
  const routes = [
    ...inference.routes(),
    ...modelRoutes({ releases, readiness, responder, metrics, version }),
  ]
  return makeApp({ routes, guard, responder, metrics, logger, now, draining })
}

interface Parts {
  readonly metrics: GatewayMetrics
  readonly backlog: Backlog
  readonly waiters: Waiters
  readonly history: HistoryWatch
  readonly draining: () => boolean
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
 * @throws PortTaken
 */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { log, settings } = options
  let draining = false
  let server: HttpServer | undefined
  const parts: Parts = {
    metrics: new GatewayMetrics(),
    backlog: new Backlog(log, now),
    waiters: new Waiters(log, settings.replicas, now),
    history: new HistoryWatch(log, now),
    draining: () => draining,
    // No request comes before there is a server.
    keepOpen: (request) => server?.keepOpen(request),
  }
  const { metrics, backlog, waiters, history } = parts
  const watch = new LogWatch(log, settings.monitorUrl, now)
  const inFlight = () => waiters.size
  metrics.watch({ backlog: backlog.state, history, log: () => watch.view, inFlight })
  const end = async () => {
    waiters.close()
    await Promise.all([backlog.stop(), history.stop(), watch.stop()])
  }
  await Promise.all([backlog.start(), history.start()])
  // Nothing that it learns is waited for.
  void watch.start()
  const app = makeRoutes(options, parts)
  const { host, port, requestBytesMax, drainNoticeMillis, drainMaxMillis } = settings
  const listening = await orEnd(end, async () => listen({ app, host, port, requestBytesMax }))
  server = listening
  return {
    url: listening.url,
    stop: async () => {
      draining = true
      await listening.drain(drainNoticeMillis, drainMaxMillis)
      // What is left is told that it may still be answered, and can be fetched by its id.
      await end()
      await listening.close()
    },
  }
}
