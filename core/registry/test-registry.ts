// What the tests of this folder share: a provisioned log on a real server, and commands that are
// quick to write.
import { readRange } from "#core/log/follow"
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import { DEFAULT_LIMITS } from "#core/log/topology"
import type { ReleaseFact } from "#proto/release"
import type { Signature } from "#proto/signature"
import { EVENTS, eventSubject } from "#proto/subjects"
import { provisionArtifacts } from "./object-upkeep.ts"
import { readReleaseFact } from "./release-fact.ts"
import type { Register } from "./release.ts"

const MIB = 1024 * 1024
const BUCKET_BYTES_MAX = 256 * MIB

interface Server {
  readonly url: string
  readonly stop: () => Promise<void>
}

export interface TestRegistry<S extends Server> {
  readonly nats: S
  readonly log: Log
  /** Another connection to the same server. */
  readonly connect: () => Promise<Log>
  readonly stop: () => Promise<void>
}

/** Takes a server that is starting, and ends it with the rest. */
export const startRegistry = async <S extends Server>(
  starting: Promise<S>,
): Promise<TestRegistry<S>> => {
  const nats = await starting
  const logs: Array<Log> = []
  const connect = async () => {
    const log = await openLog({ servers: nats.url, name: "registry test" })
    logs.push(log)
    return log
  }
  const log = await connect()
  await provision(log.manager, DEFAULT_LIMITS)
  await provisionArtifacts(log, { replicas: 1, bytesMax: BUCKET_BYTES_MAX })
  const stop = async () => {
    await Promise.all(logs.map(closeLog))
    await nats.stop()
  }
  return { nats, log, connect, stop }
}

export const signatureOf = (name: string): Signature => ({
  task: "other",
  features: [],
  inputs: [{ name, datatype: "FP32", shape: [-1, 2] }],
  outputs: [],
  batching: true,
})

/** A registration whose bytes and signature are made up from one letter. */
export const registration = (version: string, letter = "a", at = 1): Register => ({
  type: "Register",
  version,
  digest: letter.repeat(64),
  bytes: 3,
  signature: signatureOf(letter),
  signatureDigest: letter.repeat(64),
  source: "test",
  at,
})

/** Every fact of a model, in order. */
export const storedFacts = async (log: Log, model: string): Promise<ReadonlyArray<ReleaseFact>> => {
  const facts: Array<ReleaseFact> = []
  const filter = eventSubject("release", model)
  for await (const entry of readRange(log, { stream: EVENTS, from: 1, to: Infinity, filter }))
    facts.push(readReleaseFact(entry))
  return facts
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}
