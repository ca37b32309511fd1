// A whole system for the tests of this folder: a real server, a real predictor process, the flights
// model, and gateways in the test's own process.
import { join } from "node:path"
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { provisionArtifacts } from "#core/registry/object-upkeep"
import { importDirectory } from "#core/registry/import"
import { inspectByFirstLoad } from "#core/registry/inspection"
import { openGates } from "#core/gates/gates"
import { openReleases } from "#core/registry/releases"
import { limitsOf } from "#core/service/process-settings"
import { readSettings } from "#core/service/settings"
import { storedSubject } from "#proto/subjects"
import { startNats, type TestServer, type TestServerOptions } from "../test/support/nats-server.ts"
import { openDoor } from "./access/auth.ts"
import { startGateway, type Gateway } from "./gateway.ts"
import { gatewaySettings } from "./settings.ts"

const ROOT = join(import.meta.dir, "..")
const MODELS = join(ROOT, "examples", "flights", "models")
const BUCKET_BYTES_MAX = 64 * 1024 * 1024

export type Environment = Readonly<Record<string, string>>

export interface TestPredictor {
  /** Stops the process where it stands: what it had asked of the server stays asked. */
  readonly pause: () => void
  readonly resume: () => void
  readonly stop: () => Promise<void>
}

export interface TestProcess {
  readonly url: string
  readonly signal: (name: "SIGTERM" | "SIGKILL") => void
  readonly exited: Promise<number>
}

export interface TestGateway extends Gateway {
  readonly log: Log
}

export interface TestSystem {
  readonly nats: TestServer
  readonly log: Log
  readonly startGateway: (environment?: Environment) => Promise<TestGateway>
  readonly startPredictor: () => Promise<TestPredictor>
  /** A gateway as a process of its own. */
  readonly spawnGateway: (environment?: Environment) => Promise<TestProcess>
  /** Begins to listen; `seen` resolves when the server has repeated the fact of this id. */
  readonly listenFor: (id: string) => Promise<{ readonly seen: Promise<void> }>
  readonly stop: () => Promise<void>
}

export const MODEL = "flights"
export const ROWS = '{"data":[[1750,0,0,"DTW","LAS"]]}'
export const OTHER_ROWS = '{"data":[[2399,1,0,"HNL","SFO"]]}'

const tensor = (name: string, datatype: string, value: number | string) => ({
  name,
  datatype,
  shape: [1, 1],
  data: [value],
})
export const TENSORS = JSON.stringify({
  id: "mine",
  inputs: [
    tensor("distance", "FP32", 1750),
    tensor("hour", "INT64", 0),
    tensor("weekday", "INT64", 0),
    tensor("origin", "BYTES", "DTW"),
    tensor("destination", "BYTES", "LAS"),
  ],
})

/** Resolves with the line that says "ready"; what is said later is read and dropped. */
const readyLine = (output: ReadableStream<Uint8Array>): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const read = async () => {
    const decoder = new TextDecoder()
    let text = ""
    for await (const part of output) {
      text = (text + decoder.decode(part, { stream: true })).slice(-8_192)
      const line = text.split("\n").find((one) => one.includes('"message":"ready"'))
      if (line !== undefined) resolve(line)
    }
    reject(new Error(`the process ended: ${text}`))
  }
  void read()
  return promise
}

const spawnPart = (name: "gateway" | "predictor", environment: Environment) =>
  Bun.spawn([process.execPath, join(ROOT, name, "main.ts")], {
    env: { ...process.env, LOG_FORMAT: "json", ...environment },
    stdout: "ignore",
    stderr: "pipe",
  })

const spawnGateway = async (environment: Environment): Promise<TestProcess> => {
  const child = spawnPart("gateway", {
    WEIR_PORT: "0",
    WEIR_GRPC_PORT: "none",
    ...environment,
  })
  const line = await readyLine(child.stderr)
  return {
    url: /"url":"([^"]+)"/.exec(line)?.[1] ?? "",
    signal: (name) => child.kill(name),
    exited: child.exited,
  }
}

const spawnPredictor = async (environment: Environment): Promise<TestPredictor> => {
  const child = spawnPart("predictor", { WEIR_STATUS_PORT: "0", ...environment })
  await readyLine(child.stderr)
  return {
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    stop: async () => {
      child.kill("SIGCONT")
      child.kill("SIGTERM")
      await child.exited
    },
  }
}

/** A gateway in this process, on a connection of its own. */
const openGateway = async (environment: Environment): Promise<TestGateway> => {
  const settings = readSettings(gatewaySettings, {
    WEIR_PORT: "0",
    WEIR_GRPC_PORT: "none",
    WEIR_DRAIN_NOTICE_MS: "0",
    ...environment,
  })
  const log = await openLog({ servers: settings.natsUrl, name: "gateway" })
  const releases = await openReleases(log)
  const gates = await openGates(log)
  const silent = () => undefined
  const logger = { debug: silent, info: silent, warn: silent, error: console.error }
  const { guard, close } = await openDoor(log, settings, logger)
  const shared = { log, releases, gates, settings, guard, logger }
  const gateway = await startGateway({ ...shared, version: "test" })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= gateway.stop().then(async () => {
      await Promise.all([releases.close(), gates.close(), close()])
      await closeLog(log)
    })
    return stopped
  }
  return { url: gateway.url, grpcAddress: gateway.grpcAddress, log, stop }
}

/** `environment` holds for every process; limits in it are provisioned. */
export const startTestSystem = async (
  environment: Environment = {},
  server: TestServerOptions = {},
): Promise<TestSystem> => {
  const nats = await startNats(server)
  const log = await openLog({ servers: nats.url, name: "gateway test" })
  const limits = limitsOf(readSettings(gatewaySettings, environment))
  await provision(log.manager, limits)
  await provisionArtifacts(log, { replicas: 1, bytesMax: BUCKET_BYTES_MAX })
  const artifacts = jetStreamArtifacts(log)
  await importDirectory({ log, artifacts, inspect: inspectByFirstLoad, now: Date.now }, MODELS)
  const all = { ...environment, NATS_URL: nats.url, WEIR_DATA: join(nats.directory, "data") }
  const endings: Array<() => Promise<unknown>> = []
  return {
    nats,
    log,
    startGateway: async (more = {}) => {
      const gateway = await openGateway({ ...all, ...more })
      endings.push(gateway.stop)
      return gateway
    },
    startPredictor: async () => {
      const predictor = await spawnPredictor(all)
      endings.push(predictor.stop)
      return predictor
    },
    spawnGateway: async (more = {}) => {
      const child = await spawnGateway({ ...all, ...more })
      endings.push(async () => {
        child.signal("SIGKILL")
        await child.exited
      })
      return child
    },
    listenFor: async (id) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      log.connection.subscribe(storedSubject(MODEL, id), { max: 1, callback: () => resolve() })
      await log.connection.flush()
      return { seen: promise }
    },
    stop: async () => {
      await Promise.all(endings.map((end) => end()))
      await closeLog(log)
      await nats.stop()
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Boundary of the tests: every answer of a gateway is a JSON object or, on some routes, a list. */
const parsed = (text: string): Answer["json"] => {
  const value: unknown = JSON.parse(text === "" ? "{}" : text)
  if (Array.isArray(value)) return { list: value }
  if (typeof value !== "object" || value === null) throw new Error(`no JSON object: ${text}`)
  return Object.fromEntries(Object.entries(value))
}

export const ask = async (url: string, init: RequestInit = {}): Promise<Answer> => {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parsed(text) }
}

export const post = (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  ask(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  })
