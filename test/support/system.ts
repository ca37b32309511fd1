// A whole Weir for tests: a real nats-server on a temporary folder, provisioned, with models
// registered, and predictors and gateways as the processes that they are in production.
import { mkdtempSync, rmSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { firstLoad } from "#core/inference/first-load"
import { parseDeclaredSignature, signatureDigest } from "#core/inference/signature-derivation"
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import { DEFAULT_LIMITS, type LogLimits } from "#core/log/topology"
import { execute } from "#core/registry/commands"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { provisionArtifacts } from "#core/registry/object-upkeep"
import { limitsEnvironment } from "#core/service/process-settings"
import { startService, type RunningService } from "./service.ts"
import { startNats, type TestServer, type TestServerOptions } from "./nats-server.ts"

const PROJECT = join(import.meta.dir, "..", "..")
export const FLIGHTS_MODEL = join(PROJECT, "examples/flights/models/flights/1/model.onnx")
export const FLIGHTS_SIGNATURE = join(PROJECT, "examples/flights/models/flights/1/signature.json")

const MIB = 1024 * 1024

/** Small enough for any test machine; everything else as in production. */
export const TEST_LIMITS: LogLimits = {
  ...DEFAULT_LIMITS,
  requestsBytesMax: 256 * MIB,
  predictionsBytesMax: 512 * MIB,
  historyBytesMax: 1024 * MIB,
  eventsBytesMax: 64 * MIB,
  findingsBytesMax: 64 * MIB,
  deadLettersBytesMax: 128 * MIB,
  modelsBytesMax: 256 * MIB,
}

export interface SystemOptions {
  readonly limits?: LogLimits
  readonly nats?: TestServerOptions
  /** Set for every process. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface TestSystem {
  readonly nats: TestServer
  readonly log: Log
  readonly limits: LogLimits
  readonly environment: Readonly<Record<string, string>>
  /** Registers and promotes a version of a model from its bytes. */
  readonly release: (
    model: string,
    version: string,
    path: string,
    declared?: string,
  ) => Promise<void>
  readonly predictor: (environment?: Readonly<Record<string, string>>) => Promise<RunningService>
  /** Resolves with the gateway's base URL in `url`. */
  readonly gateway: (environment?: Readonly<Record<string, string>>) => Promise<RunningService>
  /** Ends every process, by its own process id, and removes all files. */
  readonly stop: () => Promise<void>
}

/** Registers and promotes a model file, as an import does. */
export const releaseModel = async (
  log: Log,
  model: string,
  version: string,
  path: string,
  declaredPath?: string,
): Promise<void> => {
  const bytes = new Uint8Array(await readFile(path))
  const declared =
    declaredPath === undefined
      ? undefined
      : parseDeclaredSignature(await readFile(declaredPath, "utf8"))
  const { signature } = await firstLoad(bytes, declared)
  const digest = await jetStreamArtifacts(log).put(bytes)
  await execute(log, model, {
    type: "Register",
    version,
    digest,
    bytes: bytes.byteLength,
    signature,
    signatureDigest: signatureDigest(signature),
    source: "test",
    at: Date.now(),
  })
  await execute(log, model, { type: "Promote", version, evidence: "test", at: Date.now() })
}

/** Starts the server and provisions it; processes are started one by one. */
export const startSystem = async (options: SystemOptions = {}): Promise<TestSystem> => {
  const limits = options.limits ?? TEST_LIMITS
  const nats = await startNats(options.nats)
  const log = await openLog({ servers: nats.url, name: "test" })
  await provision(log.manager, limits)
  await provisionArtifacts(log, { replicas: limits.replicas, bytesMax: limits.modelsBytesMax })
  const data = mkdtempSync(join(tmpdir(), "weir-data-"))
  const services: Array<RunningService> = []
  const environment = {
    NATS_URL: nats.url,
    WEIR_DATA: data,
    ...limitsEnvironment(limits),
    ...options.environment,
  }
  const start = async (name: string, own: Readonly<Record<string, string>> = {}) => {
    const service = await startService(name, { ...environment, ...own })
    services.push(service)
    return service
  }
  return {
    nats,
    log,
    limits,
    environment,
    release: (model, version, path, declared) => releaseModel(log, model, version, path, declared),
    predictor: (own) => start("predictor", own),
    gateway: (own) => start("gateway", { WEIR_PORT: "0", WEIR_GRPC_PORT: "none", ...own }),
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()))
      await closeLog(log)
      await nats.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
