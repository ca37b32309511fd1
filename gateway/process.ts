// The parts of a gateway process in the order in which they begin; they end in the reverse order,
// so that every request that was taken is answered while there is still a log to read its answer
// from.
import { Effect, Layer } from "effect"
import project from "../package.json" with { type: "json" }
import { closeLog } from "#core/log/log"
import { openGates } from "#core/gates/gates"
import { openReleases } from "#core/registry/releases"
import { openCheckedLog } from "#core/service/checked-log"
import type { Logger } from "#core/service/logger"
import { limitsOf, natsSettingsOf } from "#core/service/process-settings"
import { resource } from "#core/service/run-main"
import { openDoor } from "./access/auth.ts"
import { startGateway } from "./gateway.ts"
import { checkLimits, type GatewaySettings } from "./settings.ts"

/**
 * A gateway, from the open log to the closed one. Fails when the log or the releases are lost for
 * good.
 */
export const gatewayProcess = (settings: GatewaySettings, logger: Logger) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const log = yield* resource(
        () => openCheckedLog(natsSettingsOf(settings, "weir-gateway"), limitsOf(settings)),
        closeLog,
      )
      checkLimits(settings, log.publisher.maxPayloadBytes)
      const releases = yield* resource(
        () => openReleases(log, logger),
        (opened) => opened.close(),
      )
      const gates = yield* resource(
        () => openGates(log, logger),
        (opened) => opened.close(),
      )
      const door = yield* resource(
        () => openDoor(log, settings, logger),
        (opened) => opened.close(),
      )
      const { guard } = door
      const { version } = project
      const gateway = yield* resource(
        () => startGateway({ log, releases, gates, settings, guard, logger, version }),
        (started) => started.stop(),
      )
      logger.info("ready", { url: gateway.url, grpc: gateway.grpcAddress })
      yield* Effect.tryPromise({
        try: () => Promise.race([log.closed, releases.done, gates.done, door.done]),
        catch: (cause) => cause,
      })
      yield* Effect.fail(new Error("the connection to the log was closed for good"))
    }),
  )
