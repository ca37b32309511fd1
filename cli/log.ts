// The log as commands open it: the settings that every process has, read from the environment, and
// a server that a flag may name instead of NATS_URL.
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision, verify, type Difference } from "#core/log/provision"
import type { LogLimits } from "#core/log/topology"
import { provisionArtifacts, verifyArtifacts } from "#core/registry/object-upkeep"
import {
  limitSettings,
  limitsOf,
  natsSettings,
  natsSettingsOf,
} from "#core/service/process-settings"
import { readSettings, type Environment } from "#core/service/settings"

/** @throws SettingsInvalid naming every limit that cannot be used. */
export const readLimits = (environment: Environment): LogLimits =>
  limitsOf(readSettings(limitSettings, environment))

/**
 * Opens the log, lends it to `use` and closes it.
 *
 * @throws NatsUnreachable when no server answers at `servers` (default: NATS_URL).
 */
export const withLog = async <A>(
  name: string,
  servers: string | undefined,
  use: (log: Log) => Promise<A>,
): Promise<A> => {
  const settings = natsSettingsOf(readSettings(natsSettings, process.env), name)
  const log = await openLog(servers === undefined ? settings : { ...settings, servers })
  try {
    return await use(log)
  } finally {
    await closeLog(log)
  }
}

const artifactLimits = (limits: LogLimits) => ({
  replicas: limits.replicas,
  bytesMax: limits.modelsBytesMax,
})

/** Makes streams, consumers and the bucket of models what they should be. Idempotent. */
export const provisionLog = async (log: Log, limits: LogLimits): Promise<void> => {
  await provision(log.manager, limits)
  await provisionArtifacts(log, artifactLimits(limits))
}

/** How the log differs from what it should be; empty when it does not. */
export const verifyLog = async (
  log: Log,
  limits: LogLimits,
): Promise<ReadonlyArray<Difference>> => [
  ...(await verify(log.manager, limits)),
  ...(await verifyArtifacts(log, artifactLimits(limits))),
]
