// The parts of a drift-monitor process in the order in which they begin; they end in the reverse
// order. What was not written when it ends is found again by the next one.
import { Effect, Layer } from "effect"
import { closeLog } from "../core/log/log.ts"
import { jetStreamArtifacts } from "../core/registry/object-store.ts"
import { openReleases } from "../core/registry/releases.ts"
import { openCheckedLog } from "../core/service/checked-log.ts"
import type { Logger } from "../core/service/logger.ts"
import { limitsOf, natsSettingsOf } from "../core/service/process-settings.ts"
import { resource } from "../core/service/run-main.ts"
import { startStatusServer } from "../core/service/status-server.ts"
import { Evaluator } from "./evaluator.ts"
import { MarkBoard } from "./mark-board.ts"
import { DriftMetrics } from "./metrics.ts"
import { Monitor, readConfig } from "./monitor.ts"
import type { DriftMonitorSettings } from "./settings.ts"

/** A drift-monitor, from the open log to the closed one. Fails when a model can't be watched on. */
export const driftMonitorProcess = (values: DriftMonitorSettings, logger: Logger) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const config = yield* Effect.tryPromise({
        try: () => readConfig(values.driftConfig),
        catch: (cause) => cause,
      })
      const limits = limitsOf(values)
      const log = yield* resource(
        () => openCheckedLog(natsSettingsOf(values, "weir-drift-monitor"), limits),
        closeLog,
      )
      const releases = yield* resource(
        () => openReleases(log),
        (opened) => opened.close(),
      )
      const marks = yield* resource(
        () => MarkBoard.open(log, limits.predictionsMessagesMax),
        (board) => board.close(),
      )
      const evaluator = yield* resource(
        async () => new Evaluator(),
        (made) => made.close(),
      )
      const store = jetStreamArtifacts(log)
      const { windowsQueuedMax } = values
      const parts = { log, store, releases, marks, evaluator, config, windowsQueuedMax, logger }
      const monitor = yield* resource(
        async () => new Monitor({ ...parts, now: Date.now }),
        (made) => made.stop(),
      )
      const metrics = new DriftMetrics(() => monitor.openWindows(), Date.now)
      monitor.start(metrics)
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
        try: () =>
          Promise.race([log.closed, releases.done, marks.done, monitor.failed, evaluator.died]),
        catch: (cause) => cause,
      })
      yield* Effect.fail(new Error("the connection to the log was closed for good"))
    }),
  )
