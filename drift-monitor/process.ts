// The parts of a drift-monitor process in the order in which they begin; they end in the reverse
// order. What was not written when it ends is found again by the next one.
import { Effect, Layer } from "effect"
import { systemClock } from "../core/alerts/clock.ts"
import { openDelivery } from "../core/alerts/delivery.ts"
import { makeSend } from "../core/alerts/send.ts"
import { operatorTargets } from "../core/alerts/settings.ts"
import { readDriftConfig } from "../core/drift/config-file.ts"
import { openGates } from "../core/gates/gates.ts"
import { closeLog, type Log } from "../core/log/log.ts"
import { historyTail } from "../core/outcomes/history-messages.ts"
import { jetStreamArtifacts } from "../core/registry/object-store.ts"
import { openReleases } from "../core/registry/releases.ts"
import { openCheckedLog } from "../core/service/checked-log.ts"
import type { Logger } from "../core/service/logger.ts"
import { limitsOf, natsSettingsOf } from "../core/service/process-settings.ts"
import { resource } from "../core/service/run-main.ts"
import { startStatusServer } from "../core/service/status-server.ts"
import { ErasureBoard } from "./erasure-board.ts"
import { Evaluator } from "./evaluator.ts"
import { MarkBoard } from "./mark-board.ts"
import { DriftMetrics } from "./metrics.ts"
import { Monitor } from "./monitor.ts"
import { PerformanceMetrics } from "./performance-metrics.ts"
import { PerformanceWatch, type PerformanceOptions } from "./performance.ts"
import { QualityMetrics } from "./quality-metrics.ts"
import { QualityMonitor, type QualityMonitorOptions } from "./quality-monitor.ts"
import type { DriftMonitorSettings } from "./settings.ts"

const never = new Promise<never>(() => undefined)

/** Alerts are sent only where DRIFT_ENABLED says so; findings are written in any case. */
const makeAlerts = Effect.fnUntraced(function* (
  log: Log,
  values: DriftMonitorSettings,
  logger: Logger,
  metrics: DriftMetrics,
) {
  if (!values.driftEnabled) return never
  const delivery = yield* resource(
    () =>
      openDelivery({
        log,
        logger,
        operatorTargets: operatorTargets(values),
        send: makeSend(),
        clock: systemClock,
        random: Math.random,
        onAttempt: (fact) => metrics.attempted(fact.target, fact.outcome),
      }),
    (opened) => opened.close(),
  )
  return delivery.done
})

const DAY_MILLIS = 86_400_000

const watchPerformance = (
  parts: Pick<PerformanceOptions, "log" | "tail" | "releases" | "config" | "logger" | "now">,
  { outcomesHorizonDays, outcomesFactsMax }: DriftMonitorSettings,
  { registry }: DriftMetrics,
) =>
  resource(
    async () => {
      const watch = new PerformanceWatch({
        ...parts,
        horizonMillis: outcomesHorizonDays * DAY_MILLIS,
        factsMax: outcomesFactsMax,
        metrics: new PerformanceMetrics(registry),
      })
      watch.start()
      return watch
    },
    (made) => made.stop(),
  )

const watchQuality = Effect.fnUntraced(function* (
  parts: Pick<QualityMonitorOptions, "log" | "releases" | "logger" | "now">,
  { registry }: DriftMetrics,
) {
  const gates = yield* resource(
    () => openGates(parts.log, parts.logger),
    (opened) => opened.close(),
  )
  const metrics = new QualityMetrics(registry)
  const monitor = yield* resource(
    async () => new QualityMonitor({ ...parts, gates, metrics }),
    (made) => made.stop(),
  )
  return [gates.done, monitor.failed]
})

const makeMonitor = Effect.fnUntraced(function* (
  log: Log,
  values: DriftMonitorSettings,
  logger: Logger,
) {
  const config = yield* Effect.tryPromise({
    try: async () => readDriftConfig(values.driftConfig),
    catch: (cause) => cause,
  })
  const releases = yield* resource(
    () => openReleases(log, logger),
    (opened) => opened.close(),
  )
  const marks = yield* resource(
    () => MarkBoard.open(log, values.predictionsMessagesMax),
    (board) => board.close(),
  )
  const erasures = yield* resource(
    () => ErasureBoard.open(log),
    (board) => board.close(),
  )
  const evaluator = yield* resource(
    async () => new Evaluator(),
    (made) => made.close(),
  )
  const store = jetStreamArtifacts(log)
  const tail = historyTail(log)
  const { windowsQueuedMax } = values
  const parts = {
    log,
    tail,
    store,
    releases,
    marks,
    erasures,
    evaluator,
    config,
    windowsQueuedMax,
    logger,
  }
  const monitor = yield* resource(
    async () => new Monitor({ ...parts, now: Date.now }),
    (made) => made.stop(),
  )
  const metrics = new DriftMetrics(() => monitor.openWindows(), Date.now)
  monitor.start(metrics)
  const performance = yield* watchPerformance(
    { log, tail, releases, config, logger, now: Date.now },
    values,
    metrics,
  )
  const quality = yield* watchQuality({ log, releases, logger, now: Date.now }, metrics)
  const watches = [monitor.failed, performance.failed, ...quality]
  const ended = () => [releases.done, marks.done, erasures.done, evaluator.died, ...watches]
  return { metrics, ended }
})

/** A drift-monitor, from the open log to the closed one. Fails when a model can't be watched on. */
export const driftMonitorProcess = (values: DriftMonitorSettings, logger: Logger) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const log = yield* resource(
        () => openCheckedLog(natsSettingsOf(values, "weir-drift-monitor"), limitsOf(values)),
        closeLog,
      )
      const { metrics, ended } = yield* makeMonitor(log, values, logger)
      const undeliverable = yield* makeAlerts(log, values, logger, metrics)
      const status = yield* resource(
        async () =>
          startStatusServer({
            hostname: values.statusHost,
            port: values.statusPort,
            registry: metrics.registry,
            notReady: () => (log.link.up ? undefined : "not connected to NATS"),
          }),
        (server) => server.stop(),
      )
      logger.info("ready", { statusPort: status.port })
      yield* Effect.tryPromise({
        try: () => Promise.race([log.closed, undeliverable, ...ended()]),
        catch: (cause) => cause,
      })
      yield* Effect.fail(new Error("the connection to the log was closed for good"))
    }),
  )
