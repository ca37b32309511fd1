// What `weir up` can be told, from flags and environment; a bad value is refused by name before
// anything starts.
import { existsSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { areServers, SERVERS_EXPECTED, shownServers } from "#core/log/servers"
import { describeFlags, readWords, UsageError, wholeNumber } from "../command.ts"
import { inProject } from "../project.ts"

const PORT_DEFAULT = 8080
const GRPC_PORT_DEFAULT = 8081
const PORT_MAX = 65_535
/** Each is a process with its own ONNX Runtime, some 100 MB. */
const PREDICTORS_MAX = 16

const flags = {
  port: { value: "N", help: `port of the gateway (default ${PORT_DEFAULT})` },
  "grpc-port": {
    value: "N",
    help: `port of the gateway for gRPC, or none (default ${GRPC_PORT_DEFAULT})`,
  },
  host: { value: "ADDRESS", help: "address that the gateway listens on (default 127.0.0.1)" },
  data: { value: "DIR", help: "where the log and cached models are (default .weir/data)" },
  models: {
    value: "DIR",
    help: "models to import, <model>/<version>/model.onnx (default: the demo model)",
  },
  nats: { value: "URL", help: "use this NATS server or cluster instead of starting one" },
  predictors: { value: "N", help: `predictor processes, 1 to ${PREDICTORS_MAX} (default 1)` },
  sync: {
    value: "always",
    help: "sync the disk before each acknowledgement (slower, survives power loss)",
  },
} as const

export interface UpOptions {
  readonly host: string
  readonly port: number
  /** Undefined for no gRPC. */
  readonly grpcPort: number | undefined
  readonly dataFolder: string
  readonly modelsFolder: string | undefined
  /** URL of a server that already runs; undefined starts one. */
  readonly natsUrl: string | undefined
  readonly predictors: number
  readonly sync: "default" | "always"
}

export const UP_USAGE = `Usage: ./weir up [flags]

Starts nats-server, the gateway and the predictors, imports the models, prints the URLs, and
restarts a part that dies.
Ctrl-C drains everything and exits 0.

${describeFlags(flags)}

MODEL_PATH=file.onnx (with MODEL_VERSION_PATH) is imported as the model "default". Everything else
is configured by the environment; .env.example lists every key with its default.`

type Environment = Readonly<Record<string, string | undefined>>

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text)

const folder = (flag: string, text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  if (!existsSync(text)) throw new UsageError(`--${flag} ${text}: there is no such folder`)
  if (!statSync(text).isDirectory())
    throw new UsageError(`--${flag} ${text}: it is a file, expected a folder`)
  return resolve(text)
}

const servers = (flag: string, text: string | undefined): string | undefined => {
  if (text === undefined || areServers(text)) return text
  throw new UsageError(`--${flag}: expected ${SERVERS_EXPECTED}, got "${shownServers(text)}"`)
}

const grpcPort = (text: string | undefined): number | undefined =>
  text === "none"
    ? undefined
    : wholeNumber("grpc-port", text, { least: 1, most: PORT_MAX, otherwise: GRPC_PORT_DEFAULT })

const readPorts = (
  set: { readonly port?: string; readonly "grpc-port"?: string },
  environment: Environment,
) => {
  const port = wholeNumber("port", set.port ?? given(environment["WEIR_PORT"]), {
    least: 1,
    most: PORT_MAX,
    otherwise: PORT_DEFAULT,
  })
  const forGrpc = grpcPort(set["grpc-port"] ?? given(environment["WEIR_GRPC_PORT"]))
  if (port === forGrpc)
    throw new UsageError(`--port and --grpc-port are both ${port}: choose two, or --grpc-port none`)
  return { port, grpcPort: forGrpc }
}

/** @throws UsageError naming the flag or key whose value cannot be used. */
export const readUpOptions = (args: ReadonlyArray<string>, environment: Environment): UpOptions => {
  const { flags: set } = readWords(args, flags)
  if (set.sync !== undefined && set.sync !== "always") {
    throw new UsageError(`--sync must be "always", got "${set.sync}"`)
  }
  if (set.data === "") throw new UsageError('--data must name a folder, got ""')
  const ports = readPorts(set, environment)
  const data = set.data ?? given(environment["WEIR_DATA"])
  return {
    host: set.host ?? given(environment["WEIR_HOST"]) ?? "127.0.0.1",
    ...ports,
    dataFolder: data === undefined ? inProject(".weir", "data") : resolve(data),
    modelsFolder: folder("models", set.models),
    // Not NATS_URL: a copied .env.example names the default server, and none runs there.
    natsUrl: servers("nats", set.nats),
    predictors: wholeNumber("predictors", set.predictors, {
      least: 1,
      most: PREDICTORS_MAX,
      otherwise: 1,
    }),
    sync: set.sync ?? "default",
  }
}
