// What holds with three servers and three replicas: exactly one fact for each id while leaders
// change, and look-ups that do not take a lagging replica's word for a miss.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { startCluster } from "../../test/support/nats-server.ts"
import { EXPECTED_LAST_SUBJECT_SEQUENCE } from "../../proto/headers.ts"
import { PREDICTIONS, predictionSubject } from "../../proto/subjects.ts"
import { append } from "./append.ts"
import { follow } from "./follow.ts"
import { lookUp } from "./leader-lookup.ts"
import { closeLog, openLog, type Log } from "./log.ts"
import { provision, verify } from "./provision.ts"
import type { Published } from "./publisher.ts"
import { readDirect, readFromLeader, readLast } from "./read.ts"
import { DEFAULT_LIMITS } from "./topology.ts"

setDefaultTimeout(180_000)
const limits = { ...DEFAULT_LIMITS, replicas: 3 }
const cluster = await startCluster(3)
const logs = await Promise.all(
  cluster.members.map((member) => openLog({ servers: member.url, name: "test" })),
)
const log = logs[0] ?? (await openLog({ servers: cluster.url, name: "test" }))
await until("the streams are made", () => provision(log.manager, limits).then(() => true), 40_000)
afterAll(async () => {
  await Promise.all(logs.map(closeLog))
  await cluster.stop()
})

const payload = (writer: number) => Uint8Array.of(writer)
const once = [[EXPECTED_LAST_SUBJECT_SEQUENCE, "0"]] as const

test("the topology is made with three replicas, and found so", async () => {
  expect(await verify(log.manager, limits)).toEqual([])
  const info = await log.manager.streams.info(PREDICTIONS)
  expect(info.cluster?.replicas).toHaveLength(2)
})

test("writers on three servers store one fact for each id", async () => {
  const before = (await log.manager.streams.info(PREDICTIONS)).state.messages
  const seen = new Map<Published["kind"], number>()
  const count = (kind: Published["kind"]) => seen.get(kind) ?? 0
  let rounds = 0
  // How often a publish meets one that is under way is up to chance: go on until it was seen.
  while (rounds < 200 || (count("undecided") === 0 && rounds < 3_000)) {
    const subject = predictionSubject("raw", `id${rounds++}`)
    const answers = await Promise.all(
      logs.map(({ publisher }, writer) => publisher.publish(subject, payload(writer), once)),
    )
    const kinds = answers.map(({ kind }) => kind)
    for (const kind of kinds) seen.set(kind, count(kind) + 1)
    expect(kinds.filter((kind) => kind === "stored").length).toBeLessThanOrEqual(1)
    // The fact that a 10071 speaks of can be read from the leader at once.
    if (kinds.includes("exists"))
      expect(await readFromLeader(log, PREDICTIONS, { last_by_subj: subject })).toBeDefined()
    await append(log.publisher, subject, payload(9), 0)
  }
  expect(count("undecided")).toBeGreaterThan(0)
  const known = count("stored") + count("exists") + count("undecided") + count("unavailable")
  expect(known).toBe(3 * rounds)
  expect((await log.manager.streams.info(PREDICTIONS)).state.messages - before).toBe(rounds)

  const ids = Array.from({ length: 200 }, (_, at) => `once${at}`)
  const outcomes = await Promise.all(
    ids.map((id) =>
      Promise.all(
        logs.map(({ publisher }, writer) =>
          append(publisher, predictionSubject("sure", id), payload(writer), 0),
        ),
      ),
    ),
  )
  for (const outcome of outcomes)
    expect(outcome.map(({ kind }) => kind).toSorted()).toEqual(["exists", "exists", "stored"])
})

test("a fact just acknowledged is found through every server, a miss is a miss", async () => {
  let directMisses = 0
  for (let at = 0; at < 200; at++) {
    const subject = predictionSubject("look", `id${at}`)
    await append(log.publisher, subject, payload(1), 0)
    for (const reader of logs) {
      if ((await readDirect(reader, PREDICTIONS, { last_by_subj: subject })) === undefined)
        directMisses++
      expect((await readLast(reader, PREDICTIONS, subject, limits.replicas))?.subject).toBe(subject)
    }
  }
  // Not asserted: that replicas lag is the server's right, and the reason for asking the leader.
  expect(directMisses).toBeLessThanOrEqual(600)
  const missing = predictionSubject("look", "missing")
  expect(await readLast(log, PREDICTIONS, missing, limits.replicas)).toBeUndefined()
})

const leaderOf = async (reader: Log) =>
  (await reader.manager.streams.info(PREDICTIONS)).cluster?.leader

test("no id is lost or stored twice when leaders step down and die", async () => {
  const before = (await log.manager.streams.info(PREDICTIONS)).state.last_seq
  const ids = Array.from({ length: 3_000 }, (_, at) => `fail${at}`)
  const stop = new AbortController()
  const read: Array<number> = []
  const reader = logs[2] ?? log
  const reading = (async () => {
    const options = { stream: PREDICTIONS, from: before + 1, signal: stop.signal }
    for await (const entry of follow(reader, options))
      if (read.push(entry.sequence) === ids.length) stop.abort()
  })()
  let done = 0
  const stored = new Map<string, number>()
  const left = ids.entries()
  const work = async () => {
    for (const [at, id] of left) {
      const writer = logs[at % 2] ?? log
      const outcome = await append(
        writer.publisher,
        predictionSubject("fail", id),
        payload(1),
        0,
        [],
        40_000,
      )
      if (outcome.kind === "stored") stored.set(id, outcome.sequence)
      done++
    }
  }
  const writing = Promise.all(Array.from({ length: 16 }, work))
  for (const part of [500, 1_000]) {
    await until("a part is written", () => done >= part, 40_000)
    await log.connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${PREDICTIONS}`)
  }
  await until("a part is written", () => done >= 1_800, 40_000)
  const leader = await until("there is a leader", () => leaderOf(log))
  const killed = cluster.members[Number(leader.split("-")[1])]
  if (killed === undefined) throw new Error(`no member is called ${leader}`)
  await killed.restart("kill")
  await writing
  const { state } = await until("the stream answers", () => log.manager.streams.info(PREDICTIONS))
  expect(state.last_seq - before).toBe(ids.length)
  for (const [id, sequence] of stored) {
    const found = await lookUp(log, PREDICTIONS, { seq: sequence })
    expect(found?.subject).toBe(predictionSubject("fail", id))
  }
  await reading
  expect(read).toEqual(ids.map((_, at) => before + 1 + at))
})
