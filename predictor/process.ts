// The parts of a predictor process in the order in which they begin; they end in the reverse order,
// so that nothing is taken from the queue that can no longer be finished.
import { availableParallelism } from "node:os"
import { readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import project from "../package.json" with { type: "json" }
import { makeEngine } from "../core/inference/engine.ts"
import { runtimeDescription } from "../core/inference/runtime-description.ts"
import { closeLog, type Log } from "../core/log/log.ts"
import { deliverySpanMillis } from "../core/log/topology.ts"
import { fetchArtifact } from "../core/registry/artifacts.ts"
import { jetStreamArtifacts } from "../core/registry/object-store.ts"
import { openGates } from "../core/gates/gates.ts"
import { openReleases } from "../core/registry/releases.ts"
import { openCheckedLog } from "../core/service/checked-log.ts"
import type { Logger } from "../core/service/logger.ts"
import { limitsOf, natsSettingsOf } from "../core/service/process-settings.ts"
import { resource } from "../core/service/run-main.ts"
import { makeTracer } from "../core/service/tracing.ts"
import { startStatusServer } from "../core/service/status-server.ts"
import { startAnswering } from "./answering.ts"
import { FastReceiver } from "./fast-lane.ts"
import { Holding } from "./holding.ts"
import { PredictorMetrics } from "./metrics.ts"
import { Models } from "./models.ts"
import { Predictor } from "./predictor.ts"
import { Reaper } from "./reaper.ts"
import { Runner } from "./runner.ts"
import { Settler } from "./settle.ts"
import { checkRunMax, checkSizes, type PredictorSettings } from "./settings.ts"
import { PredictorTraces } from "./spans.ts"
import { startWatchdog } from "./watchdog.ts"
import { endNow } from "./end-now.ts"

/** For settling what is held after the last run that can still end. */
const ENDING_MARGIN_MILLIS = 5_000
const NANOS_PER_MICRO = 1_000

const nowMicros = () => Bun.nanoseconds() / NANOS_PER_MICRO

const cpuInfo = (): string | undefined => {
  try {
    return readFileSync("/proc/cpuinfo", "utf8")
  } catch {
    return undefined
  }
}

const makeModels = Effect.fnUntraced(function* (
  log: Log,
  values: PredictorSettings,
  logger: Logger,
) {
  const workers = values.workers === 0 ? Math.max(1, availableParallelism() - 1) : values.workers
  const engine = yield* resource(
    async () => {
      const { inlineMaxMicros, runMaxMillis } = values
      return makeEngine({ workers, nowMicros, inlineMaxMicros, runMaxMillis })
    },
    (made) => made.close(),
  )
  const releases = yield* resource(
    () => openReleases(log, logger),
    (opened) => opened.close(),
  )
  const store = jetStreamArtifacts(log)
  const cache = join(values.data, "models")
  const fetch = async (digest: string) =>
    new Uint8Array(await readFile(await fetchArtifact(store, digest, cache)))
  const gates = yield* resource(
    () => openGates(log, logger),
    (opened) => opened.close(),
  )
  const models = yield* resource(
    async () => new Models({ engine, releases, logger, fetch }),
    async (made) => made.close(),
  )
  yield* Effect.promise(() => models.loadChampions())
  return { engine, releases, gates, models, workers }
})

const makeTraces = Effect.fnUntraced(function* (
  metrics: PredictorMetrics,
  values: PredictorSettings,
) {
  const tracer = yield* resource(
    async () => makeTracer(metrics.registry, "weir-predictor", project.version, values),
    async (made) => made?.stop(),
  )
  return tracer && new PredictorTraces(tracer, values.traceSamplePercent)
})

const makeHolding = (values: PredictorSettings) =>
  resource(
    async () =>
      new Holding({
        max: values.prefetchMax,
        targetMillis: values.holdTargetMillis,
        redeliveryMillis: limitsOf(values).redeliveryWaitsMillis[0] ?? values.heldMaxMillis,
        heldMaxMillis: values.heldMaxMillis,
        now: () => performance.now(),
      }),
    async (made) => made.close(),
  )

interface Overdue {
  readonly tell: () => void
  readonly told: Promise<void>
  readonly isTold: () => boolean
}

/**
 * A thread in a run can neither be stopped nor left by an orderly exit. Once told of one, the
 * process ends in order as far as it can, and then by force.
 */
const makeOverdue = Effect.fnUntraced(function* (runMaxMillis: number, logger: Logger) {
  const { promise: told, resolve } = Promise.withResolvers<void>()
  let deadline: ReturnType<typeof setTimeout> | undefined
  const overdue: Overdue = {
    told,
    isTold: () => deadline !== undefined,
    tell: () => {
      if (deadline !== undefined) return
      logger.error("a run did not end: this process ends, to be started again", { runMaxMillis })
      deadline = setTimeout(endNow, runMaxMillis + ENDING_MARGIN_MILLIS)
      // The failure of its request is stored first; what else is held is waited for anyway.
      resolve()
    },
  }
  return yield* resource(
    async () => overdue,
    async () => {
      if (overdue.isTold()) endNow()
    },
  )
})

type ReaperParts = Omit<
  ConstructorParameters<typeof Reaper>[0],
  "sweepMillis" | "aliveMillis" | "steady"
>

const makeReaper = (values: PredictorSettings, parts: ReaperParts) =>
  resource(
    async () =>
      new Reaper({
        ...parts,
        sweepMillis: values.sweepMillis,
        aliveMillis:
          values.heldMaxMillis + deliverySpanMillis(limitsOf(values)) + values.sweepMarginMillis,
        steady: () => performance.now(),
      }),
    (reaper) => reaper.stop(),
  )

const makeServing = Effect.fnUntraced(function* (
  log: Log,
  values: PredictorSettings,
  logger: Logger,
  overdue: Overdue,
) {
  const limits = limitsOf(values)
  const { deliveriesMax } = limits
  const { requestBytesMax, outputBytesMax } = values
  const ackWaitMillis = limits.redeliveryWaitsMillis[0] ?? values.heldMaxMillis
  const { engine, releases, gates, models, workers } = yield* makeModels(log, values, logger)
  const holding = yield* makeHolding(values)
  const limit = () => holding.limit - holding.size
  const onQueued = () => metrics.queuedFast()
  const lane = new FastReceiver({ log, limit, onQueued, now: Date.now })
  const metrics: PredictorMetrics = new PredictorMetrics({
    held: () => holding.size + lane.size,
    heldLimit: () => holding.limit,
    workers,
    publishesInFlight: () => log.publisher.inFlight,
    isModel: (name) => releases.model(name) !== undefined,
  })
  const traces = yield* makeTraces(metrics, values)
  const settler = new Settler({
    traces,
    log,
    logger,
    metrics,
    replicas: limits.replicas,
    outputBytesMax,
    deliveriesMax,
    now: Date.now,
  })
  const runtime = runtimeDescription(cpuInfo())
  const onOverdue = overdue.tell
  const runner = new Runner({ engine, logger, settler, metrics, runtime, now: Date.now, onOverdue })
  const shared = { log, logger, settler, metrics, requestBytesMax, deliveriesMax, now: Date.now }
  yield* makeReaper(values, shared)
  const predictor = yield* resource(
    async () =>
      new Predictor({
        ...shared,
        releases,
        gates,
        models,
        runner,
        holding,
        lane,
        workers,
        ackWaitMillis,
      }),
    (made) => made.stop(),
  )
  const { statistics } = metrics
  yield* resource(
    async () => startAnswering({ log, logger, releases, models, statistics, now: Date.now }),
    async (answering) => answering.stop(),
  )
  return { metrics, releases, gates, predictor }
})

/**
 * A predictor, from the open log to the closed one. Fails when the log or the releases are lost for
 * good.
 */
export const predictorProcess = (values: PredictorSettings, logger: Logger) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      checkRunMax(values)
      const overdue = yield* makeOverdue(values.runMaxMillis, logger)
      yield* resource(
        async () => startWatchdog(values.runMaxMillis),
        async (dog) => dog.stop(),
      )
      const log = yield* resource(
        () => openCheckedLog(natsSettingsOf(values, "weir-predictor"), limitsOf(values)),
        closeLog,
      )
      checkSizes(values, log.publisher.maxPayloadBytes)
      const { metrics, releases, gates, predictor } = yield* makeServing(
        log,
        values,
        logger,
        overdue,
      )
      const status = yield* resource(
        async () =>
          startStatusServer({
            hostname: values.statusHost,
            port: values.statusPort,
            registry: metrics.registry,
            notReady: () => {
              if (!log.link.up) return "not connected to NATS"
              return predictor.hasQueue ? undefined : "the queue of requests is not there"
            },
          }),
        (server) => server.stop(),
      )
      logger.info("ready", { statusPort: status.port })
      yield* Effect.tryPromise({
        try: () => Promise.race([log.closed, releases.done, gates.done, overdue.told]),
        catch: (cause) => cause,
      })
      if (overdue.isTold()) yield* Effect.fail(new Error("a run did not end in its time"))
      yield* Effect.fail(new Error("the connection to the log was closed for good"))
    }),
  )
