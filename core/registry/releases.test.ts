// Commands and the projection on a real log: what the projection shows is what the facts say,
// whoever wrote them and whatever happened to the server meanwhile.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { append } from "#core/log/append"
import { releaseCodec } from "#proto/event"
import { Promoted } from "#proto/release"
import { eventSubject } from "#proto/subjects"
import { closeLog, openLog } from "#core/log/log"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { execute, readRelease } from "./commands.ts"
import { removeUnreadable, unreadableMessages } from "./mend.ts"
import { ReleaseUnreadable } from "./release-fact.ts"
import { decide, evolve, initialRelease, ReleaseRefused } from "./release.ts"
import type { Release, ReleaseCommand } from "./release.ts"
import { openReleases } from "./releases.ts"
import {
  registration,
  seeded,
  startRegistry,
  storedFacts,
  type TestRegistry,
} from "./test-registry.ts"

// A second each on an idle machine. Long, because a test that times out takes its server with it.
setDefaultTimeout(60_000)

let registry: TestRegistry<TestServer>
beforeAll(async () => {
  registry = await startRegistry(startNats())
})
afterAll(() => registry.stop())

const randomCommand = (random: () => number, at: number): ReleaseCommand => {
  const version = String(Math.floor(random() * 4))
  const some = random() < 0.8 ? version : undefined
  const choices: ReadonlyArray<ReleaseCommand> = [
    registration(version, random() < 0.8 ? "a" : "b", at),
    { type: "Promote", version, evidence: "test", at },
    { type: "PromoteImported", versions: [version, "2"], at },
    { type: "Unload", version: some, at },
    { type: "Load", version: some, at },
    { type: "Configure", config: { maxBatchSize: Math.floor(random() * 3) }, source: "test", at },
  ]
  return choices[Math.floor(random() * choices.length)] ?? registration(version)
}

/** Without when versions were unloaded, which only the server knows. */
const timeless = ({ versions, ...release }: Release) => ({
  ...release,
  versions: [...versions].map(([name, { unloadedAt: _, ...known }]) => [name, known]),
})

test("after any commands, the log, the live projection and the decider agree", async () => {
  const seed = Math.floor(Math.random() * 1_000_000)
  const random = seeded(seed)
  const live = await openReleases(registry.log)
  for (const model of ["first", "second.model", "third"]) {
    let expected = initialRelease(model)
    for (let at = 1; at <= 40; at++) {
      const command = randomCommand(random, at)
      const decision = decide(command, expected)
      if (decision instanceof ReleaseRefused)
        await expect(execute(registry.log, model, command)).rejects.toEqual(decision)
      else {
        expect(await execute(registry.log, model, command)).toEqual(decision)
        expected = decision.reduce((before, fact) => evolve(before, fact), expected)
      }
    }
    await live.caughtUp()
    const { release } = await readRelease(registry.log, model)
    expect({ seed, release: timeless(release) }).toEqual({ seed, release: timeless(expected) })
    expect({ seed, release: live.model(model) }).toEqual({ seed, release })
  }
  const fresh = await openReleases(registry.log)
  expect([...fresh.models()]).toEqual([...live.models()])
  expect(fresh.position).toBe(live.position)
  await Promise.all([live.close(), fresh.close()])
})

test("eight writers at once lose no fact and store none twice", async () => {
  const model = "contended"
  const write = async (writer: number) => {
    const log = await registry.connect()
    const written = []
    for (let round = 0; round < 10; round++) {
      written.push(await execute(log, model, registration(`${writer}-${round}`)))
      written.push(await execute(log, model, registration("shared", "a", writer)))
      const promote = {
        type: "Promote",
        version: "shared",
        evidence: `${writer}`,
        at: 1,
      } as const
      written.push(await execute(log, model, promote))
    }
    return written.flat()
  }
  const written = (
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
  ).flat()
  const stored = await storedFacts(registry.log, model)
  const asText = (facts: typeof stored) => facts.map((fact) => JSON.stringify(fact)).toSorted()
  expect(asText(written)).toEqual(asText(stored))
  expect(stored.filter((fact) => fact._tag === "VersionRegistered").length).toBe(81)
  expect(stored.filter((fact) => fact._tag === "Promoted").length).toBe(1)
})

test("commands and projection go on over kills of the server, each fact once", async () => {
  const model = "restarted"
  const live = await openReleases(registry.log)
  const seen: Array<string> = []
  live.onChange((name, release) => {
    if (name === model) seen.push([...release.versions.keys()].at(-1) ?? "")
  })
  const versions = Array.from({ length: 60 }, (_, index) => String(index))
  for (const version of versions) {
    const restart = ["10", "30"].includes(version) ? registry.nats.restart("kill") : undefined
    const facts = await execute(registry.log, model, registration(version))
    expect(facts.length).toBe(1)
    await restart
  }
  await live.caughtUp()
  expect(seen).toEqual(versions)
  expect((await storedFacts(registry.log, model)).length).toBe(versions.length)
  expect(live.model(model)).toEqual((await readRelease(registry.log, model)).release)
  await live.close()
})

test("the default model is the one of that name, else the one registered first", async () => {
  const other = await startRegistry(startNats())
  const live = await openReleases(other.log)
  expect(live.defaultModel()).toBeUndefined()
  for (const [model, expected] of [
    ["zebra", "zebra"],
    ["ant", "zebra"],
    ["default", "default"],
  ] as const) {
    await execute(other.log, model, registration("1"))
    await live.caughtUp()
    expect(live.defaultModel()).toBe(expected)
  }
  await live.close()
  await other.stop()
})

test("a name that cannot be a model is refused before anything is asked", async () => {
  await expect(execute(registry.log, "a b", registration("1"))).rejects.toThrow(
    '"a b" is no model name',
  )
})

const bytes = (content: string) => new TextEncoder().encode(content)
const text = (content: Uint8Array) => new TextDecoder().decode(content)
const stray = (model: string, payload: Uint8Array) =>
  append(registry.log.publisher, eventSubject("release", model), payload, 0)

test("another model's fact makes its model alone unavailable; no command passes it", async () => {
  const live = await openReleases(registry.log)
  const fact = Promoted.make({ model: "elsewhere", version: "1", evidence: "x", at: 1 })
  await execute(registry.log, "beside", registration("1"))
  await stray("stray", releaseCodec.encode(fact))
  await live.caughtUp()
  const sentence = "(it belongs to elsewhere); ./weir models mend stray shows and removes it"
  const refused = live.resolve("stray")
  expect(refused.kind === "unavailable" && refused.reason).toContain(sentence)
  expect(live.resolve("beside", "1").kind).toBe("version")
  expect([...live.broken().keys()]).toEqual(["stray"])
  await expect(execute(registry.log, "stray", registration("1"))).rejects.toThrow(sentence)
  await expect(readRelease(registry.log, "stray")).rejects.toBeInstanceOf(ReleaseUnreadable)
  const fresh = await openReleases(registry.log)
  expect([...fresh.broken().keys()]).toEqual(["stray"])
  await Promise.all([live.close(), fresh.close()])
})

test("a broken model is served again once it is mended, with what came meanwhile", async () => {
  const model = "mended"
  const live = await openReleases(registry.log)
  await execute(registry.log, model, registration("1"))
  await execute(registry.log, model, { type: "Promote", version: "1", evidence: "x", at: 1 })
  const before = await readRelease(registry.log, model)
  const subject = eventSubject("release", model)
  const junk = await append(registry.log.publisher, subject, bytes("junk"), before.sequence)
  const at = junk.kind === "stored" ? junk.sequence : 0
  const later = Promoted.make({ model, version: "1", evidence: "y", at: 2 })
  const fact = await append(registry.log.publisher, subject, releaseCodec.encode(later), at)
  expect(fact.kind).toBe("stored")
  await append(registry.log.publisher, subject, bytes("{}"), at + 1)
  const told: Array<string> = []
  const again = Promise.withResolvers<void>()
  live.onChange((name, { evidence }) => {
    if (name !== model) return
    told.push(`${live.resolve(model).kind} ${evidence}`)
    if (live.resolve(model).kind === "version") again.resolve()
  })
  await live.caughtUp()
  expect(live.resolve(model).kind).toBe("unavailable")
  const found = await unreadableMessages(registry.log, model)
  expect(found.map(({ sequence, firstBytes }) => [sequence, text(firstBytes)])).toEqual([
    [at, "junk"],
    [at + 2, "{}"],
  ])
  expect(await removeUnreadable(registry.log, found)).toEqual([at, at + 2])
  expect(await removeUnreadable(registry.log, found)).toEqual([])
  await again.promise
  expect(told.at(-1)).toBe("version y")
  const facts = await execute(registry.log, model, registration("2"))
  expect(facts.length).toBe(1)
  await live.caughtUp()
  expect(live.model(model)).toEqual((await readRelease(registry.log, model)).release)
  await live.close()
})

test("a fact of no valid model name is left out, and logged", async () => {
  const logged: Array<string> = []
  const line = (message: string) => logged.push(message)
  const logger = { debug: line, info: line, warn: line, error: line }
  const live = await openReleases(registry.log, logger)
  await append(registry.log.publisher, eventSubject("release", "no$name"), bytes("junk"), 0)
  await live.caughtUp()
  expect(logged.at(-1)).toBe("a release fact of no valid model name is left out")
  expect(live.broken().has("no$name")).toBe(false)
  await live.close()
})

test("without the stream of events there is no projection", async () => {
  const nats = await startNats()
  const log = await openLog({ servers: nats.url, name: "bare" })
  await expect(openReleases(log)).rejects.toThrow("stream not found")
  await closeLog(log)
  await nats.stop()
})
