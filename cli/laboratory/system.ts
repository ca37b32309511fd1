// A whole Weir to experiment on: every part is the process that it is in production, can be killed
// by name, and is started again at once. Its folder is temporary and goes with it.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { patiently } from "#core/log/leader-lookup"
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import type { LogLimits } from "#core/log/topology"
import { provisionArtifacts } from "#core/registry/object-upkeep"
import { limitsEnvironment } from "#core/service/process-settings"
import { Supervisor, type RestartPolicy } from "../up/supervisor.ts"
import type { Service } from "../programs/services.ts"
import { startService } from "../programs/start-service.ts"
import { freePort } from "../port.ts"
import { startBroker, type Broker } from "./broker.ts"

/** A part that was killed is started again at once, however often. */
const RESTART: RestartPolicy = {
  waitFirstMillis: 20,
  waitMostMillis: 200,
  settledAfterMillis: 500,
  earlyEndsMax: 1_000,
}
const LOOPBACK = "127.0.0.1"
const STOP_WAIT_MILLIS = 40_000
const READY_WAIT_MILLIS = 60_000
const LOOK_AGAIN_MILLIS = 25
const LOG_LINES_MAX = 5_000

export interface LaboratoryOptions {
  readonly limits: LogLimits
  readonly predictors: number
  readonly gateways: number
  /** 1, or 3 for a cluster. */
  readonly servers: 1 | 3
  /** `always` syncs the disk before each acknowledgement. */
  readonly sync?: "default" | "always"
  /** Settings of every process, above the limits. */
  readonly environment?: Readonly<Record<string, string>>
  /** Called when there is a log, before the services start: imports models. */
  readonly prepare: (log: Log) => Promise<void>
}

export interface Laboratory {
  readonly log: Log
  readonly limits: LogLimits
  readonly broker: Broker
  readonly predictors: ReadonlyArray<Supervisor>
  readonly gateways: ReadonlyArray<Supervisor>
  /** Base URL of each gateway; the same after a restart. */
  readonly urls: ReadonlyArray<string>
  /** Base URL of each predictor's health and metrics; the same after a restart. */
  readonly predictorUrls: ReadonlyArray<string>
  /** What the processes said, newest last. */
  readonly lines: ReadonlyArray<string>
  /** Resolves when every gateway says that it is ready. */
  readonly ready: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A signal to the process that runs now; false when there is none between two. */
export const signalPart = (part: Supervisor, signal: NodeJS.Signals): boolean => {
  const { pid } = part
  if (pid === undefined) return false
  process.kill(pid, signal)
  return true
}

const urlOf = (port: number) => `http://${LOOPBACK}:${port}`

const untilReady = async (url: string): Promise<void> => {
  const deadline = performance.now() + READY_WAIT_MILLIS
  let said = "nothing"
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`${url}/v2/health/ready`)
      said = await response.text()
      if (response.ok) return
    } catch (cause) {
      said = cause instanceof Error ? cause.message : String(cause)
    }
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  throw new Error(`${url} is not ready: ${said}`)
}

/** Provisioned and prepared; a cluster that has just begun takes a while to choose its leaders. */
const prepareLog = async (broker: Broker, { limits, prepare }: LaboratoryOptions): Promise<Log> => {
  const log = await openLog({ servers: broker.servers, name: "weir-laboratory" })
  await patiently(log, () => provision(log.manager, limits))
  const artifacts = { replicas: limits.replicas, bytesMax: limits.modelsBytesMax }
  await patiently(log, () => provisionArtifacts(log, artifacts))
  await prepare(log)
  return log
}

const serviceStarter =
  (
    { limits, environment }: LaboratoryOptions,
    broker: Broker,
    folder: string,
    say: (line: string) => void,
  ) =>
  (name: string, service: Service, own: Readonly<Record<string, string>>): Supervisor => {
    const child = {
      environment: {
        NATS_URL: broker.servers,
        WEIR_DATA: folder,
        LOG_FORMAT: "json",
        ...limitsEnvironment(limits),
        ...environment,
        ...own,
      },
      stopWaitMillis: STOP_WAIT_MILLIS,
      onLine: (line: string) => say(`${name}: ${line}`),
    }
    return new Supervisor(
      name,
      () => startService(service, child),
      () => undefined,
      RESTART,
    )
  }

/** Starts everything, and resolves when the gateways are ready. */
export const startLaboratory = async (options: LaboratoryOptions): Promise<Laboratory> => {
  const { limits } = options
  const folder = mkdtempSync(join(tmpdir(), "weir-laboratory-"))
  const lines: Array<string> = []
  const say = (line: string) => {
    lines.push(line)
    if (lines.length > LOG_LINES_MAX) lines.shift()
  }
  const broker = await startBroker(
    join(folder, "nats"),
    options.servers,
    RESTART,
    say,
    options.sync,
  )
  const log = await prepareLog(broker, options).catch(async (cause: unknown) => {
    await broker.stop()
    throw cause
  })
  const start = serviceStarter(options, broker, folder, say)
  const freePorts = (count: number) => Array.from({ length: count }, () => freePort(LOOPBACK))
  const ports = freePorts(options.gateways)
  const statusPorts = freePorts(options.predictors)
  const predictors = statusPorts.map((port, index) =>
    start(`predictor-${index + 1}`, "predictor", { WEIR_STATUS_PORT: String(port) }),
  )
  const gateways = ports.map((port, index) =>
    start(`gateway-${index + 1}`, "gateway", {
      WEIR_PORT: String(port),
      WEIR_GRPC_PORT: "none",
    }),
  )
  const urls = ports.map(urlOf)
  const predictorUrls = statusPorts.map(urlOf)
  const ready = async () => void (await Promise.all(urls.map(untilReady)))
  const stop = async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await Promise.all(predictors.map((predictor) => predictor.stop()))
    await closeLog(log)
    await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await ready()
  } catch (cause) {
    await stop()
    throw new Error(`${String(cause)}\n${lines.slice(-20).join("\n")}`)
  }
  return { log, limits, broker, predictors, gateways, urls, predictorUrls, lines, ready, stop }
}
