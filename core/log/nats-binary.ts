// Which nats-server binary this machine offers, and whether it is new enough for the streams that
// we describe. It never downloads anything: getting a binary is the launcher's work.
import { accessSync, constants } from "node:fs"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { Schema } from "effect"

/**
 * The first version with everything we use: subject transforms, sync_interval, strict JetStream
 * API.
 */
export const NATS_SERVER_VERSION_MIN = "2.12.0"

/**
 * `nats-server --version` prints one line and exits; more than this means that it is something
 * else.
 */
const VERSION_WAIT_MILLIS = 10_000

export class NatsServerUnusable extends Schema.TaggedError<NatsServerUnusable>()(
  "NatsServerUnusable",
  { tried: Schema.Array(Schema.String) },
) {
  override get message() {
    const tried = this.tried.map((reason) => `\n  - ${reason}`).join("")
    return `no nats-server of at least ${NATS_SERVER_VERSION_MIN} was found:${tried}\n`.concat(
      "Run ./weir once to get one, or name a binary in WEIR_NATS_SERVER.",
    )
  }
}

export interface NatsBinary {
  readonly path: string
  readonly version: string
}

const numbers = (version: string) => version.split(".").map(Number)

/** True when `version` is at least `least`; both are three numbers with dots. */
export const isAtLeast = (version: string, least: string): boolean => {
  const have = numbers(version)
  for (const [place, wanted] of numbers(least).entries()) {
    const found = have[place] ?? 0
    if (found !== wanted) return found > wanted
  }
  return true
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The version that the binary prints, or undefined when it is not a nats-server that runs here. */
export const natsVersion = (path: string): string | undefined => {
  try {
    const run = Bun.spawnSync([path, "--version"], { timeout: VERSION_WAIT_MILLIS })
    return /v(\d+\.\d+\.\d+)/.exec(run.stdout.toString())?.[1]
  } catch {
    return undefined
  }
}

/**
 * Where a binary may be, in the order of preference: named, got by the launcher, on PATH, built by
 * Go.
 */
const candidates = (
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyArray<string> => {
  const named = environment["WEIR_NATS_SERVER"]
  if (named !== undefined && named !== "") return [named]
  const project = join(import.meta.dir, "..", "..")
  const onPath = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "")
  return [
    join(project, ".weir", "bin", "nats-server"),
    ...onPath.map((folder) => join(folder, "nats-server")),
    join(environment["HOME"] ?? homedir(), "go", "bin", "nats-server"),
  ]
}

/**
 * The binary to start servers with. A binary named in `WEIR_NATS_SERVER` is the only candidate.
 *
 * @throws NatsServerUnusable naming each place and the version found there.
 */
export const findNatsServer = (
  environment: Readonly<Record<string, string | undefined>> = process.env,
): NatsBinary => {
  const tried: Array<string> = []
  for (const path of candidates(environment)) {
    if (!isExecutable(path)) {
      tried.push(`${path}: not there, or not executable`)
      continue
    }
    const version = natsVersion(path)
    if (version !== undefined && isAtLeast(version, NATS_SERVER_VERSION_MIN))
      return { path, version }
    tried.push(
      version === undefined
        ? `${path}: does not print a version as nats-server does`
        : `${path}: version ${version} is older than ${NATS_SERVER_VERSION_MIN}`,
    )
  }
  throw new NatsServerUnusable({ tried })
}
