// Releases while requests flow: what was released a moment ago is served, a new champion takes over
// without a failed request, a pinned version answers, an unloaded one does not.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { floats, ELEMENT, model, node, value } from "../core/inference/onnx-test-models.ts"
import { execute } from "../core/registry/commands.ts"
import { removeUnreadable, unreadableMessages } from "../core/registry/mend.ts"
import { VERSION } from "../proto/headers.ts"
import { eventSubject } from "../proto/subjects.ts"
import { startSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  deadLettersOf,
  floatsOf,
  fp32,
  messagePack,
  newId,
  queueEmpty,
  send,
  singleFactsOf,
  type Sent,
} from "./test-traffic.ts"

// A second or two each on an idle machine.
setDefaultTimeout(60_000)

const system = await startSystem()
const { log } = system
afterAll(() => system.stop())
/** Multiplies by its version, so that each answer tells who gave it. */
const release = async (name: string, version: number): Promise<void> => {
  const file = join(system.nats.directory, `${newId()}.onnx`)
  await Bun.write(
    file,
    model(
      node("Mul", ["x", "factor"], ["y"]),
      floats("factor", [1], new Float32Array([version])),
      value(11, "x", ELEMENT.FP32, ["N", 2]),
      value(12, "y", ELEMENT.FP32, ["N", 2]),
    ),
  )
  await system.release(name, String(version), file)
}
const requests = (name: string, count: number, pinned?: string): ReadonlyArray<Sent> =>
  Array.from({ length: count }, () =>
    messagePack(
      name,
      { inputs: [fp32("x", [1, 2], [1, 1])] },
      pinned === undefined ? [] : [[VERSION, pinned]],
    ),
  )
const versionsOf = async (sent: ReadonlyArray<Sent>): Promise<ReadonlyArray<string>> => {
  const facts = await singleFactsOf(log, sent)
  return facts.map(({ fact }) => {
    expect(fact.failure).toBeUndefined()
    expect(floatsOf(fact.outputs?.[0])).toEqual([Number(fact.version), Number(fact.version)])
    return fact.version ?? "none"
  })
}

await release("scaled", 1)
const predictors = [await system.predictor(), await system.predictor()]

test("a model that was released a moment before its first request is served", async () => {
  for (let round = 0; round < 5; round++) {
    const name = `fresh-${round}`
    await release(name, 3)
    const sent = requests(name, 10)
    await send(log, sent)
    await queueEmpty(log)
    expect(new Set(await versionsOf(sent))).toEqual(new Set(["3"]))
  }
})

test("a version that is promoted under load takes over without a failed request", async () => {
  const before: Array<Sent> = []
  const after: Array<Sent> = []
  let promoted = false
  const load = async () => {
    for (let wave = 0; !promoted && wave < 200; wave++) {
      const sent = requests("scaled", 100)
      before.push(...sent)
      await send(log, sent)
      await queueEmpty(log)
    }
  }
  const flowing = load()
  await release("scaled", 2)
  promoted = true
  await flowing
  for (let wave = 0; wave < 5; wave++) {
    const sent = requests("scaled", 100)
    after.push(...sent)
    await send(log, sent)
    await queueEmpty(log)
  }
  const versions = await versionsOf([...before, ...after])
  expect(versions[0]).toBe("1")
  expect(versions.slice(-400)).toEqual(Array(400).fill("2"))
  expect((await deadLettersOf(log)).size).toBe(0)
})

test("a pinned version answers, and says so", async () => {
  const sent = requests("scaled", 20, "1")
  await send(log, sent)
  await queueEmpty(log)
  expect(await versionsOf(sent)).toEqual(Array(20).fill("1"))
  const facts = await singleFactsOf(log, sent)
  expect(facts.every(({ fact }) => fact.pinned === "1")).toBe(true)
})

test("many requests for a version that nobody holds wait for one load", async () => {
  await release("held", 1)
  await release("held", 2)
  predictors.push(await system.predictor())
  const sent = requests("held", 500, "1")
  await send(log, sent)
  await queueEmpty(log)
  expect(new Set(await versionsOf(sent))).toEqual(new Set(["1"]))
  for (const predictor of predictors) {
    const ready = predictor.log.filter((line) => line.includes("a model version is ready"))
    expect(new Set(ready.map((line) => line.replace(/"time":"[^"]*"/, ""))).size).toBe(ready.length)
  }
})

test("an unloaded version is refused, and served again when it is loaded", async () => {
  await execute(log, "scaled", { type: "Unload", version: "1", at: Date.now() })
  // A predictor hears of it a moment later than the one who decided it.
  await until("it is refused by all", async () => {
    const sent = requests("scaled", 50, "1")
    await send(log, sent)
    await queueEmpty(log)
    const facts = await singleFactsOf(log, sent)
    return facts.every(({ fact }) => fact.failure?.reason === "unknown_version")
  })
  await execute(log, "scaled", { type: "Load", version: "1", at: Date.now() })
  const served = requests("scaled", 10, "1")
  await send(log, served)
  await queueEmpty(log)
  expect(new Set(await versionsOf(served))).toEqual(new Set(["1"]))
})

test("a release that cannot be read fails its model's requests until it is mended", async () => {
  await log.publisher.publish(eventSubject("release", "scaled"), Uint8Array.of(1, 2, 3))
  await until("it is refused by all", async () => {
    const sent = requests("scaled", 50)
    await send(log, sent)
    await queueEmpty(log)
    const facts = await singleFactsOf(log, sent)
    return facts.every(({ fact }) => fact.failure?.message.includes("./weir models mend scaled"))
  })
  const beside = requests("held", 50)
  await send(log, beside)
  await queueEmpty(log)
  expect((await versionsOf(beside)).length).toBe(50)
  await removeUnreadable(log, await unreadableMessages(log, "scaled"))
  await until("it is served by all", async () => {
    const sent = requests("scaled", 50)
    await send(log, sent)
    await queueEmpty(log)
    return (await singleFactsOf(log, sent)).every(({ fact }) => fact.failure === undefined)
  })
})
