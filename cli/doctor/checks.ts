// What `weir doctor` looks at: each check says what it found and, when that is not good, how to
// mend it. It changes nothing and needs no network but the log's.
import { existsSync, readFileSync, statfsSync } from "node:fs"
import { totalmem } from "node:os"
import { dirname, join } from "node:path"
import { findRunningServer } from "#core/log/running-server"
import { historyStatus } from "#core/log/history"
import type { Log } from "#core/log/log"
import { findNatsServer, isAtLeast } from "#core/log/nats-binary"
import { shownServers } from "#core/log/servers"
import { limitsSumBytes, type LogLimits } from "#core/log/topology"
import { verifyLog, withLog } from "../log.ts"
import { portTrouble } from "../port.ts"
import { inProject } from "../project.ts"
import { dataFolderTrouble } from "../up/folders.ts"
import { lostPart } from "../up/lost-parts.ts"

export interface Finding {
  readonly check: string
  readonly state: "good" | "warning" | "bad"
  readonly found: string
  /** What to do; empty when nothing is to be done. */
  readonly mend: string
}

export interface Patient {
  readonly host: string
  readonly port: number
  /** Undefined for no gRPC. */
  readonly grpcPort: number | undefined
  readonly dataFolder: string
  /** The log to look at; undefined when none runs. */
  readonly natsUrl: string | undefined
  readonly limits: LogLimits
  /** What of the settings and named files `weir up` would refuse; undefined when nothing. */
  readonly settingsTrouble: string | undefined
}

const BUN_VERSION_MIN = "1.4.0"
const MIB = 1024 * 1024
const GIB = 1024 * MIB
/** Below this the log cannot even hold its small streams. */
const DISK_LEAST_BYTES = 2 * GIB
/** Server, gateway and one predictor with a small model take about 600 MB. */
const MEMORY_LEAST_BYTES = GIB
const MEMORY_ENOUGH_BYTES = 4 * GIB
const ASK_WAIT_MILLIS = 1_000
/** Above this share of the hot log waiting to be copied, a gateway reports itself not ready. */
const HEADROOM_USED_MAX = 0.5

const gibibytes = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`
const good = (check: string, found: string): Finding => ({ check, state: "good", found, mend: "" })
const bad = (check: string, found: string, mend: string): Finding => ({
  check,
  state: "bad",
  found,
  mend,
})
const warning = (check: string, found: string, mend: string): Finding => ({
  check,
  state: "warning",
  found,
  mend,
})
const said = (error: unknown) => (error instanceof Error ? error.message : String(error))

export const checkBun = (version: string = Bun.version): Finding =>
  isAtLeast(version, BUN_VERSION_MIN)
    ? good("bun", version)
    : bad("bun", `${version}, older than ${BUN_VERSION_MIN}`, "start with ./weir, which gets one")

const checkPackages = (): Finding => {
  const lock = inProject("bun.lock")
  const stamp = inProject(".weir", "stamp", "bun.lock")
  if (!existsSync(inProject("node_modules")))
    return bad("packages", "node_modules is missing", "run ./weir help once, it gets them")
  const isCurrent = existsSync(stamp) && readFileSync(lock).equals(readFileSync(stamp))
  return isCurrent
    ? good("packages", "as bun.lock says")
    : warning(
        "packages",
        "not got by ./weir for this bun.lock",
        "run bun install --frozen-lockfile",
      )
}

const checkNatsServer = (): Finding => {
  try {
    const { path, version } = findNatsServer()
    return good("nats-server", `${version} at ${path}`)
  } catch (error) {
    return bad("nats-server", said(error), "run ./weir up once, it gets one; or use --nats URL")
  }
}

const checkPort = async ({ host, port }: Patient): Promise<Finding> => {
  const trouble = portTrouble(host, port)
  if (trouble === undefined) return good("port", `${port} on ${host} is free`)
  const signal = AbortSignal.timeout(ASK_WAIT_MILLIS)
  const answer = await fetch(`http://${host}:${port}/v2/health/live`, { signal }).catch(
    () => undefined,
  )
  return answer?.ok === true
    ? good("port", `a gateway answers at ${host}:${port}`)
    : bad("port", trouble, "stop what listens there, or choose another with --port")
}

const checkGrpcPort = async ({ host, grpcPort }: Patient, http: Finding): Promise<Finding> => {
  if (grpcPort === undefined) return good("gRPC port", "none")
  const trouble = portTrouble(host, grpcPort)
  if (trouble === undefined) return good("gRPC port", `${grpcPort} on ${host} is free`)
  return http.found.startsWith("a gateway answers")
    ? good("gRPC port", `${grpcPort} on ${host} is in use, and a gateway runs`)
    : bad("gRPC port", trouble, "choose another with --grpc-port, or none for no gRPC")
}

const checkPorts = async (patient: Patient): Promise<ReadonlyArray<Finding>> => {
  const http = await checkPort(patient)
  return [http, await checkGrpcPort(patient, http)]
}

const checkSettings = ({ settingsTrouble }: Patient): Finding =>
  settingsTrouble === undefined
    ? good("settings", "as every service takes them")
    : bad("settings", settingsTrouble, "correct them in the environment; see .env.example")

const checkDataFolder = ({ dataFolder }: Patient): Finding => {
  const trouble = dataFolderTrouble(dataFolder)
  return trouble === undefined
    ? good("data", dataFolder)
    : bad("data", trouble, "make it readable and writable, or choose another with --data")
}

/** `wanted` is the sum of all limits of the log, `free` what the disk has; both in bytes. */
export const judgeDisk = (free: number, wanted: number): Finding => {
  const found = `${gibibytes(free)} free, the log may grow to ${gibibytes(wanted)}`
  if (free < DISK_LEAST_BYTES) return bad("disk", found, "free some space, or choose --data")
  return free < wanted
    ? warning("disk", found, "lower the log's limits, or watch the disk")
    : good("disk", found)
}

const checkDisk = ({ dataFolder, limits }: Patient): Finding => {
  let folder = dataFolder
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = statfsSync(folder)
  return judgeDisk(bavail * bsize, limitsSumBytes(limits))
}

/** `bytes` is what this process may use at most. */
export const judgeMemory = (bytes: number): Finding => {
  const found = gibibytes(bytes)
  const mend = "run on a larger machine, or lower the log's message limits"
  if (bytes < MEMORY_LEAST_BYTES) return bad("memory", found, mend)
  return bytes < MEMORY_ENOUGH_BYTES ? warning("memory", found, mend) : good("memory", found)
}

const checkMemory = (): Finding => {
  const limit = process.constrainedMemory()
  const total = totalmem()
  return judgeMemory(limit > 0 && limit < total ? limit : total)
}

type LogCheck = (log: Log, limits: LogLimits) => Promise<ReadonlyArray<Finding>>

const checkStreams: LogCheck = async (log, limits) => {
  const differences = await verifyLog(log, limits)
  if (differences.length === 0) return [good("streams", "as this version describes them")]
  return differences.map(({ where, field, expected, found }) =>
    bad("streams", `${where}: ${field} is ${found}, expected ${expected}`, "run ./weir provision"),
  )
}

const checkCopying: LogCheck = async (log, limits) => {
  const { lag, headroomUsed } = await historyStatus(log, limits.predictionsMessagesMax)
  const used = `${(headroomUsed * 100).toFixed(1)} %`
  const found = `${lag} facts wait to be copied, ${used} of the headroom`
  if (headroomUsed <= HEADROOM_USED_MAX) return [good("long log", found)]
  const mend =
    "lower the load or raise WEIR_PREDICTIONS_MAX_MESSAGES before facts are dropped uncopied"
  return [bad("long log", found, mend)]
}

/** What is asked of a log that runs; a further check is one more line here. */
const logChecks: ReadonlyArray<LogCheck> = [checkStreams, checkCopying]

const checkParts = async ({ dataFolder }: Patient): Promise<ReadonlyArray<Finding>> => {
  const lost = lostPart(dataFolder)
  if (lost === undefined || (await runningLog(dataFolder)) === undefined) return []
  const mend = "its lines in the output of ./weir up say why; mend that and start ./weir up again"
  return [bad(lost, "ended again and again and is given up; the rest serves without it", mend)]
}

const checkLog = async ({ natsUrl, limits }: Patient): Promise<ReadonlyArray<Finding>> => {
  if (natsUrl === undefined) {
    return [good("log", "not running; with ./weir up or --nats URL its streams are checked too")]
  }
  const findings: Array<Finding> = []
  try {
    await withLog("weir-doctor", natsUrl, async (log) => {
      findings.push(good("log", `answers at ${shownServers(natsUrl)}`))
      for (const check of logChecks) findings.push(...(await check(log, limits)))
    })
  } catch (error) {
    findings.push(bad("log", said(error), "start it with ./weir up, or correct --nats or NATS_URL"))
  }
  return findings
}

/** The log of `./weir up` on this data folder, when it runs. */
export const runningLog = async (dataFolder: string): Promise<string | undefined> =>
  dataFolderTrouble(dataFolder) === undefined
    ? (await findRunningServer(join(dataFolder, "nats")))?.url
    : undefined

/** Every finding, in the order in which a reader wants them. */
export const examine = async (patient: Patient): Promise<ReadonlyArray<Finding>> => [
  checkBun(),
  checkPackages(),
  checkNatsServer(),
  checkSettings(patient),
  ...(await checkPorts(patient)),
  checkDataFolder(patient),
  checkDisk(patient),
  checkMemory(),
  ...(await checkParts(patient)),
  ...(await checkLog(patient)),
]
