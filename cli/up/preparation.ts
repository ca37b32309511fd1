// What must be right before `weir up` starts a service: the settings of all of them, the named
// files, a server that takes messages large enough, and a log that is provisioned and holds the
// models.
import { existsSync } from "node:fs"
import { missingReferences, readDriftConfig } from "#core/drift/config-file"
import { misspeltNames } from "#core/drift/names"
import { signaturesByModel } from "#core/findings/versions"
import { openReleases } from "#core/registry/releases"
import { SettingsInvalid, readSettings, type Settings } from "#core/service/settings"
import type { Log } from "#core/log/log"
import type { LogLimits } from "#core/log/topology"
import { reasonOf } from "#core/service/logger"
import { driftMonitorSettings } from "../../drift-monitor/settings.ts"
import { checkLimits, gatewaySettings, LimitsTooLarge } from "../../gateway/settings.ts"
import { predictorSettings } from "../../predictor/settings.ts"
import { CommandFailed, UsageError } from "../command.ts"
import { provisionLog, readLimits, withLog } from "../log.ts"
import { describeImport, importDependencies, importSource, type ModelSource } from "./models.ts"

const MIB = 1024 * 1024
/** nats-server refuses to start with a larger `max_payload`. */
const MAX_PAYLOAD_BYTES_MOST = 64 * MIB

type Environment = Readonly<Record<string, string | undefined>>

const problemsOf = (settings: Settings, environment: Environment): ReadonlyArray<string> => {
  try {
    readSettings(settings, environment)
    return []
  } catch (cause) {
    if (cause instanceof SettingsInvalid) return cause.problems
    throw cause
  }
}

/**
 * Reads the settings of every service as the service itself will.
 *
 * @throws UsageError naming all that cannot be used.
 */
export const checkSettings = (environment: Environment): LogLimits => {
  const all = [gatewaySettings, predictorSettings, driftMonitorSettings]
  const problems = new Set(all.flatMap((settings) => problemsOf(settings, environment)))
  if (problems.size > 0) throw new UsageError([...problems].join("; "))
  const { driftConfig } = readSettings(driftMonitorSettings, environment)
  const missing = missingReferences(readDriftConfig(driftConfig))
  if (missing.length > 0) throw new UsageError(`DRIFT_CONFIG: ${missing.join("; ")}`)
  try {
    return readLimits(environment)
  } catch (cause) {
    throw cause instanceof SettingsInvalid ? new UsageError(cause.problems.join("; ")) : cause
  }
}

/** @throws UsageError naming a file that was named and is not there. */
export const checkSources = (sources: ReadonlyArray<ModelSource>): void => {
  for (const source of sources) {
    if (source.type === "folder") continue
    if (source.isNamed && !existsSync(source.path))
      throw new UsageError(`MODEL_PATH: ${source.path} does not exist`)
    if (source.isVersionNamed && !existsSync(source.versionPath))
      throw new UsageError(`MODEL_VERSION_PATH: ${source.versionPath} does not exist`)
  }
}

const serverChange = (needed: number): string => {
  const bytes = Math.ceil(needed / MIB) * MIB
  return bytes > MAX_PAYLOAD_BYTES_MOST
    ? ""
    : `set "max_payload: ${bytes}" in its configuration, or `
}

/**
 * A fact holds a request and its answer: the server must take a message that is as large.
 *
 * @throws CommandFailed naming the server's setting and ours.
 */
const checkPayload = (log: Log, environment: Environment): void => {
  const values = readSettings(gatewaySettings, environment)
  try {
    checkLimits(values, log.publisher.maxPayloadBytes)
  } catch (cause) {
    if (!(cause instanceof LimitsTooLarge)) throw cause
    const { sum, maxPayload } = cause
    const over = values.requestBytesMax + values.outputBytesMax - (sum - maxPayload)
    throw new CommandFailed(
      `this NATS server takes messages of at most ${maxPayload} bytes `.concat(
        `and Weir needs ${sum}: ${serverChange(sum)}lower `,
        `WEIR_REQUEST_MAX_BYTES (${values.requestBytesMax}) and `,
        `WEIR_OUTPUT_MAX_BYTES (${values.outputBytesMax}) to ${Math.max(0, over)} together`,
      ),
    )
  }
}

/** All that the client says when nobody answers for JetStream. */
const NO_RESPONDERS = "503"

/** @throws CommandFailed when the server has no JetStream. */
const checkJetStream = async (log: Log): Promise<void> => {
  try {
    await log.manager.getAccountInfo()
  } catch (cause) {
    // Anything else, such as a cluster that elects a leader, is for provisioning to wait for.
    if (reasonOf(cause) !== NO_RESPONDERS) return
    throw new CommandFailed(
      'this NATS server has no JetStream: start it with "-js", or with a "jetstream" block ' +
        "in its configuration",
    )
  }
}

/** @throws UsageError naming columns of the drift configuration that no version of a model has. */
const checkNames = async (log: Log, environment: Environment): Promise<void> => {
  const { driftConfig } = readSettings(driftMonitorSettings, environment)
  if (driftConfig === undefined) return
  const releases = await openReleases(log)
  const known = signaturesByModel(releases.models())
  await releases.close()
  const { columns } = misspeltNames(readDriftConfig(driftConfig), known)
  if (columns.length > 0) throw new UsageError(`DRIFT_CONFIG: ${columns.join("; ")}`)
}

const nothingIn = (path: string): string =>
  `there is no model in ${path} yet; a <model>/<version>/model.onnx is imported when it appears`

/**
 * Makes the log what it should be and imports the models; resolves to what it said about them.
 *
 * @throws CommandFailed when the server's limits are too small; what says that it is out of reach.
 */
export const prepareLog = (
  natsUrl: string,
  limits: LogLimits,
  sources: ReadonlyArray<ModelSource>,
  say: (text: string) => void,
): Promise<ReadonlyArray<string>> =>
  withLog("weir-up", natsUrl, async (log) => {
    checkPayload(log, process.env)
    await checkJetStream(log)
    await provisionLog(log, limits)
    const dependencies = importDependencies(log)
    const said: Array<string> = []
    for (const source of sources) {
      const report = await importSource(dependencies, source)
      const lines = describeImport(report)
      for (const line of lines) say(line)
      if (report.versions.length === 0) say(nothingIn(source.path))
      said.push(...lines)
    }
    await checkNames(log, process.env)
    return said
  })
