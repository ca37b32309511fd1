// The parts that `weir up` runs, started in the order in which they need one another and ended in
// the reverse order. It prints nothing itself: whoever starts it says where lines and events go.
import { join } from "node:path"
import { startEmbeddedServer, type EmbeddedServer } from "#core/log/embedded-server"
import { BAD_SETTINGS_EXIT_CODE } from "#core/service/settings"
import { CommandFailed } from "../command.ts"
import { freePort, portTrouble } from "../port.ts"
import type { Service } from "../programs/services.ts"
import { startService } from "../programs/start-service.ts"
import { makeDataFolder } from "./folders.ts"
import { noteLost } from "./lost-parts.ts"
import type { UpOptions } from "./options.ts"
import { isReady } from "./ready.ts"
import { RESTART_POLICY, Supervisor, type GivenUp, type SupervisorEvent } from "./supervisor.ts"

/** A gateway answers what it has accepted; above its longest usual deadline of 30 s. */
const GATEWAY_STOP_WAIT_MILLIS = 35_000
/** A predictor finishes the batches that it has begun. */
const PREDICTOR_STOP_WAIT_MILLIS = 30_000
/** A drift-monitor writes what it has found already; the rest it finds again. */
const DRIFT_MONITOR_STOP_WAIT_MILLIS = 15_000
/** Health and metrics of the parts behind the gateway are for this machine alone. */
const STATUS_HOST = "127.0.0.1"

export interface Listener {
  readonly onEvent: (event: SupervisorEvent) => void
  readonly onLine: (part: string, line: string) => void
  /** Called when the system is not ready after a few seconds, with the reason. */
  readonly onWaiting: (said: string) => void
  /** Called when a part is given up without which the rest goes on serving. */
  readonly onLost: (name: string) => void
}

export interface System {
  readonly natsUrl: string
  readonly monitorUrl: string | undefined
  readonly gatewayUrl: string
  /** `host:port` for gRPC; undefined where there is none. */
  readonly grpcAddress: string | undefined
  /** True when the gateway says that it can answer; false when it was stopped before. */
  readonly ready: Promise<boolean>
  /** Resolves when a part without which nothing is served is given up; else never. */
  readonly gaveUp: Promise<GivenUp>
  /** Gateway first, then the other services, then the server; resolves when all have ended. */
  readonly stop: () => Promise<void>
}

const startServer = async (options: UpOptions, listener: Listener) => {
  let server: EmbeddedServer = await startEmbeddedServer({
    directory: join(options.dataFolder, "nats"),
    sync: options.sync,
    onLog: (line) => {
      // Its account of a good start is of no interest; warnings and errors are.
      if (/\[(WRN|ERR|FTL)\]/.test(line)) listener.onLine("nats-server", line)
    },
  })
  let first: EmbeddedServer | undefined = server
  const start = async () => {
    server = first ?? (await server.restart())
    first = undefined
    return server
  }
  const { url, monitorUrl } = server
  return { url, monitorUrl, supervisor: new Supervisor("nats-server", start, listener.onEvent) }
}

const SERVICE_RESTARTS = { ...RESTART_POLICY, hopelessExitCode: BAD_SETTINGS_EXIT_CODE }

const serviceStarter =
  (options: UpOptions, natsUrl: string, listener: Listener) =>
  (
    name: string,
    program: Service,
    stopWaitMillis: number,
    own: Readonly<Record<string, string>>,
  ): Supervisor => {
    const child = {
      environment: {
        NATS_URL: natsUrl,
        WEIR_DATA: options.dataFolder,
        WEIR_HOST: options.host,
        WEIR_PORT: String(options.port),
        WEIR_GRPC_PORT: String(options.grpcPort ?? "none"),
        ...own,
      },
      stopWaitMillis,
      onLine: (line: string) => listener.onLine(name, line),
    }
    const onSources = (reason: string) => listener.onEvent({ type: "fromSources", name, reason })
    const start = () => startService(program, child, onSources)
    return new Supervisor(name, start, listener.onEvent, SERVICE_RESTARTS)
  }

const addressOf = (host: string, port: number) => {
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`
}

/** @throws CommandFailed naming a port that is taken, and the flag that chooses another. */
const checkPorts = ({ host, port, grpcPort }: UpOptions): void => {
  const trouble = portTrouble(host, port)
  if (trouble !== undefined) throw new CommandFailed(`${trouble}; choose another with --port`)
  const other = grpcPort === undefined ? undefined : portTrouble(host, grpcPort)
  if (other !== undefined)
    throw new CommandFailed(`${other}; choose another with --grpc-port, or none for no gRPC`)
}

/**
 * Starts everything; `prepare` is called when there is a log and before the services start.
 *
 * @throws CommandFailed when the port is taken or the folder cannot be made; NatsServerUnusable or
 * NatsServerFailed when there is no log to work with; what `prepare` throws. What had been started
 * is ended before it throws.
 */
export const startSystem = async (
  options: UpOptions,
  prepare: (natsUrl: string) => Promise<void>,
  listener: Listener,
): Promise<System> => {
  checkPorts(options)
  makeDataFolder(options.dataFolder)
  const server = options.natsUrl === undefined ? await startServer(options, listener) : undefined
  const natsUrl = server?.url ?? options.natsUrl ?? ""
  try {
    await prepare(natsUrl)
  } catch (error) {
    await server?.supervisor.stop()
    throw error
  }
  const service = serviceStarter(options, natsUrl, listener)
  const peers: Array<string> = []
  // Kept across restarts, so that the gateway can show the metrics of every process with its own.
  const statusPort = (name: string) => {
    const port = freePort(STATUS_HOST)
    peers.push(`${name}=http://${STATUS_HOST}:${port}`)
    return { WEIR_STATUS_HOST: STATUS_HOST, WEIR_STATUS_PORT: String(port) }
  }
  const predictors = Array.from({ length: options.predictors }, (_, index) => {
    const name = options.predictors === 1 ? "predictor" : `predictor-${index + 1}`
    return service(name, "predictor", PREDICTOR_STOP_WAIT_MILLIS, statusPort(name))
  })
  const monitor = "drift-monitor"
  const monitorPort = statusPort(monitor)
  const driftMonitor = service(monitor, monitor, DRIFT_MONITOR_STOP_WAIT_MILLIS, monitorPort)
  const gateway = service("gateway", "gateway", GATEWAY_STOP_WAIT_MILLIS, {
    WEIR_METRICS_PEERS: peers.join(","),
    ...(server === undefined ? {} : { NATS_MONITOR_URL: server.monitorUrl }),
  })
  const needed = [...predictors, gateway, ...(server === undefined ? [] : [server.supervisor])]
  // Nobody is answered by it: the others go on without.
  noteLost(options.dataFolder, undefined)
  void driftMonitor.gaveUp.then(({ name }) => {
    noteLost(options.dataFolder, name)
    listener.onLost(name)
  })
  const stopping = new AbortController()
  const { host, port, grpcPort } = options
  const gatewayUrl = `http://${addressOf(host, port)}`
  return {
    natsUrl,
    monitorUrl: server?.monitorUrl,
    gatewayUrl,
    grpcAddress: grpcPort === undefined ? undefined : addressOf(host, grpcPort),
    ready: isReady(gatewayUrl, { stopping: stopping.signal, onWaiting: listener.onWaiting }),
    gaveUp: Promise.race(needed.map((part) => part.gaveUp)),
    stop: async () => {
      stopping.abort()
      await gateway.stop()
      await Promise.all([...predictors, driftMonitor].map((part) => part.stop()))
      await server?.supervisor.stop()
    },
  }
}
