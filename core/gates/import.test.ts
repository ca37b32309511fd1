// `quality.json` beside a model, imported with it into a real log.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { importDirectory } from "../registry/import.ts"
import { jetStreamArtifacts } from "../registry/object-store.ts"
import { signatureOf, startRegistry, type TestRegistry } from "../registry/test-registry.ts"
import { openGates } from "./gates.ts"
import { changeSuites, readSuites } from "./suite-facts.ts"

let registry: TestRegistry<TestServer>
let folder = ""
const START_MILLIS = 60_000

beforeAll(async () => {
  registry = await startRegistry(startNats())
  folder = await mkdtemp(join(tmpdir(), "weir-suites-"))
}, START_MILLIS)
afterAll(async () => {
  await registry.stop()
  await rm(folder, { recursive: true, force: true })
}, START_MILLIS)

const put = async (path: string, content: unknown) => {
  const whole = join(folder, path)
  await mkdir(dirname(whole), { recursive: true })
  await writeFile(whole, typeof content === "string" ? content : JSON.stringify(content))
}

const importing = (name: string) =>
  importDirectory(
    {
      log: registry.log,
      artifacts: jetStreamArtifacts(registry.log),
      inspect: async (bytes) => ({
        signature: {
          ...signatureOf(new TextDecoder().decode(bytes)),
          features: [{ name: "age", tensor: "x", column: 0, type: "integer" }],
        },
      }),
      now: () => 1_000,
    },
    join(folder, name),
  )

const suite = (max: number) => ({
  name: "ages",
  expectations: [
    {
      type: "expect_column_values_to_be_between",
      kwargs: { column: "age", min_value: 0, max_value: max },
    },
  ],
})
const gateOf = async (model: string) => (await readSuites(registry.log, model)).suites.gate

test("a suite beside the model, in place or as a file, is set once", async () => {
  await put("once/people/1/model.onnx", "1")
  await put("once/people/quality.json", {
    gate: { mode: "reject", suite: "door.json" },
    windows: { suite: suite(120) },
  })
  await put("once/people/door.json", suite(99))
  expect((await importing("once")).versions.map(({ outcome }) => outcome)).toEqual(["imported"])
  const { suites, sequence } = await readSuites(registry.log, "people")
  expect(suites.gate).toMatchObject({ mode: "reject", source: "directory" })
  expect(JSON.parse(suites.windows?.suite ?? "")).toEqual(suite(120))
  await importing("once")
  expect((await readSuites(registry.log, "people")).sequence).toBe(sequence)
  const gates = await openGates(registry.log)
  expect(gates.suites("people").gate?.mode).toBe("reject")
  await gates.close()
})

test("what a person said is not overruled by the directory", async () => {
  await changeSuites(registry.log, "people", {
    place: "gate",
    mode: "off",
    source: "command",
    at: 2_000,
  })
  await put("once/people/door.json", suite(50))
  await importing("once")
  expect(await gateOf("people")).toMatchObject({ mode: "off", source: "command" })
})

test("a file that cannot be taken is refused by name, and the model is imported", async () => {
  const mean = {
    name: "m",
    expectations: [{ type: "expect_column_mean_to_be_between", kwargs: { column: "age" } }],
  }
  const bad: ReadonlyArray<readonly [content: unknown, reason: string]> = [
    [{ gate: { mode: "reject", suite: mean } }, "expect_column_mean_to_be_between"],
    [{ gate: { mode: "sometimes", suite: suite(9) } }, "mode"],
    [{ gate: { mode: "reject", suite: "../door.json" } }, "same folder"],
    [{ gate: { mode: "reject", suite: "none.json" } }, "there is no none.json"],
    [{ gates: {} }, "gates"],
    ["{", "JSON"],
  ]
  for (const [index, [content, reason]] of bad.entries()) {
    await put(`bad-${index}/m${index}/1/model.onnx`, "1")
    await put(`bad-${index}/m${index}/quality.json`, content)
    const { versions } = await importing(`bad-${index}`)
    expect(versions).toMatchObject([{ outcome: "imported" }, { outcome: "refused" }])
    expect(versions[1]?.path).toEndWith("quality.json")
    const told = versions[1]?.outcome === "refused" ? versions[1].reason : ""
    expect(told).toContain(reason)
    expect(await gateOf(`m${index}`)).toBeUndefined()
  }
})
