// Folders and files as a user would lay them out, imported into a real log. Most models here are a
// few made-up bytes with a signature given by the test; the last tests load real ones.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { eventSubject } from "#proto/subjects"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { artifactDigest, fetchArtifact } from "./artifacts.ts"
import { execute, readRelease } from "./commands.ts"
import { importDirectory, importFile, type ImportDependencies } from "./import.ts"
import { inspectByFirstLoad, type Inspect } from "./inspection.ts"
import { ModelFileMissing } from "./model-files.ts"
import { jetStreamArtifacts } from "./object-store.ts"
import { registration, signatureOf, startRegistry, storedFacts } from "./test-registry.ts"
import type { TestRegistry } from "./test-registry.ts"

const FLIGHTS = fileURLToPath(new URL("../../examples/flights/models", import.meta.url))
// A second each on an idle machine. Long, because a test that times out takes its server with it.
setDefaultTimeout(60_000)

let registry: TestRegistry<TestServer>
let folder = ""
let inspected = 0
let time = 1_000

/** Vouches for everything but bytes that begin with "bad". */
const inspect: Inspect = async (bytes, declared) => {
  inspected++
  const text = new TextDecoder().decode(bytes)
  if (text.startsWith("bad")) return { refused: "it is no ONNX file" }
  return { signature: { ...signatureOf(text), ...declared } }
}
let deps: ImportDependencies

beforeAll(async () => {
  registry = await startRegistry(startNats())
  folder = await mkdtemp(join(tmpdir(), "weir-import-"))
  const artifacts = jetStreamArtifacts(registry.log)
  deps = { log: registry.log, artifacts, inspect, now: () => time++ }
})
afterAll(async () => {
  await registry.stop()
  await rm(folder, { recursive: true, force: true })
})

const put = async (path: string, content: string) => {
  const whole = join(folder, path)
  await mkdir(dirname(whole), { recursive: true })
  await writeFile(whole, content)
  return whole
}
const importing = (name: string) => importDirectory(deps, join(folder, name))
const championOf = async (model: string) =>
  (await readRelease(registry.log, model)).release.champion

test("every version of a folder is registered and the highest becomes champion", async () => {
  for (const version of ["2", "10", "9"]) await put(`plain/iris/${version}/model.onnx`, version)
  const report = await importing("plain")
  expect(report.versions.map((one) => one.outcome)).toEqual(["imported", "imported", "imported"])
  expect(report.promoted).toEqual([{ model: "iris", version: "10" }])
  const { release } = await readRelease(registry.log, "iris")
  expect(release).toMatchObject({ champion: "10", evidence: "directory" })
  const ten = release.versions.get("10")
  expect(ten).toMatchObject({ source: "directory", bytes: 2, signature: signatureOf("10") })
  const path = await fetchArtifact(deps.artifacts, ten?.digest ?? "", join(folder, "cache"))
  expect(await Bun.file(path).text()).toBe("10")
})

test("importing again appends nothing and loads no model", async () => {
  const before = await storedFacts(registry.log, "iris")
  const loads = inspected
  const report = await importing("plain")
  expect(report.versions.map((one) => one.outcome)).toEqual(["unchanged", "unchanged", "unchanged"])
  expect(report.promoted).toEqual([])
  expect(await storedFacts(registry.log, "iris")).toEqual(before)
  expect(inspected).toBe(loads)
})

test("a higher version that is added follows; one that somebody else promoted stays", async () => {
  await put("plain/iris/11/model.onnx", "11")
  expect((await importing("plain")).promoted).toEqual([{ model: "iris", version: "11" }])
  const promote = { type: "Promote", version: "9", evidence: "replay 7", at: 1 } as const
  await execute(registry.log, "iris", promote)
  await put("plain/iris/12/model.onnx", "12")
  expect((await importing("plain")).promoted).toEqual([])
  expect(await championOf("iris")).toBe("9")
})

test("other bytes under a registered version are refused, without being loaded", async () => {
  const path = await put("plain/iris/9/model.onnx", "other")
  const loads = inspected
  const reports = (await importing("plain")).versions.filter((one) => one.outcome === "refused")
  const reason = "version 9 is registered with other bytes; a change needs a new version"
  expect(reports).toEqual([{ outcome: "refused", path, reason, model: "iris", version: "9" }])
  expect(inspected).toBe(loads)
})

test("a declared signature counts, and changing it needs a new version", async () => {
  await put("declared/m/1/model.onnx", "x")
  const beside = await put("declared/m/1/signature.json", '{"task": "regression", "label": "y"}')
  expect((await importing("declared")).versions).toMatchObject([{ outcome: "imported" }])
  const { release } = await readRelease(registry.log, "m")
  expect(release.versions.get("1")?.signature).toMatchObject({ task: "regression", label: "y" })
  expect((await importing("declared")).versions).toMatchObject([{ outcome: "unchanged" }])
  await writeFile(beside, '{"task": "regression", "label": "z"}')
  const changed = (await importing("declared")).versions
  expect(changed).toMatchObject([{ outcome: "refused" }])
  expect(JSON.stringify(changed)).toContain("another signature")
  await writeFile(beside, '{"tsk": 1}')
  expect((await importing("declared")).versions).toMatchObject([
    { outcome: "refused", path: beside },
  ])
})

test("what does not fit the layout is refused by name, the rest is imported", async () => {
  await put("mixed/good/1/model.onnx", "good")
  await put("mixed/good/2/model.onnx", "bad")
  await put("mixed/good/labels.txt", "of another server")
  await put("mixed/.hidden/1/model.onnx", "x")
  await put("mixed/flat.onnx", "x")
  await put("mixed/flat/model.onnx", "x")
  await put("mixed/two words/1/model.onnx", "x")
  await put("mixed/dotted/1.0/model.onnx", "x")
  await put("mixed/hollow/1/readme.txt", "x")
  await mkdir(join(folder, "mixed/empty"))
  await mkdir(join(folder, "mixed/folder/1/model.onnx"), { recursive: true })
  const secret = await put("outside/1/model.onnx", "secret")
  await symlink(dirname(dirname(secret)), join(folder, "mixed/linked"))
  await mkdir(join(folder, "mixed/deep/1"), { recursive: true })
  await symlink(secret, join(folder, "mixed/deep/1/model.onnx"))
  const { versions, promoted } = await importing("mixed")
  expect(promoted).toEqual([{ model: "good", version: "1" }])
  const refused = versions.filter((one) => one.outcome === "refused")
  const reasons = refused.map(({ path, reason }) => [path.slice(folder.length + 7), reason])
  const link = "it is a symbolic link; only regular files and folders are imported"
  const layout = "expected <model>/<version>/model.onnx"
  expect(Object.fromEntries(reasons)).toEqual({
    "deep/1": link,
    "dotted/1.0": '"1.0" is no version name (1 to 64 of A-Z, a-z, 0-9, "_", "-")',
    empty: `it holds no version; ${layout}`,
    "flat.onnx": layout,
    "flat/model.onnx": layout,
    "folder/1": "model.onnx is no regular file",
    "good/2/model.onnx": "it is no ONNX file",
    "hollow/1": "it holds no model.onnx",
    linked: link,
    "two words": '"two words" is no model name (1 to 64 of A-Z, a-z, 0-9, "_", "-", ".")',
  })
  expect(versions.length - refused.length).toBe(1)
})

test("a folder that does not exist is an error", async () => {
  await expect(importing("nowhere")).rejects.toBeInstanceOf(ModelFileMissing)
})

test("two imports at once register each version once and agree on the champion", async () => {
  for (const version of ["1", "2", "3"]) await put(`both/twin/${version}/model.onnx`, version)
  await put("one/twin/1/model.onnx", "1")
  await Promise.all([importing("one"), importing("both"), importing("both")])
  const facts = await storedFacts(registry.log, "twin")
  expect(facts.filter((fact) => fact._tag === "VersionRegistered").length).toBe(3)
  expect(await championOf("twin")).toBe("3")
})

const single = (model: string, required = false) => ({
  model,
  modelPath: join(folder, `single/${model}/model.onnx`),
  versionPath: join(folder, `single/${model}/model_version.txt`),
  modelRequired: required,
  versionRequired: required,
})

test("a single file is imported under the version that its version file names", async () => {
  await put("single/default/model.onnx", "one")
  await put("single/default/model_version.txt", "2024-05\n")
  const report = await importFile(deps, single("default"))
  expect(report.promoted).toEqual([{ model: "default", version: "2024-05" }])
  expect(await importFile(deps, single("default"))).toMatchObject({
    versions: [{ outcome: "unchanged", version: "2024-05" }],
    promoted: [],
  })
})

test("without a version file the version is 1, and the file may be a link", async () => {
  const target = await put("single/target.onnx", "linked")
  await mkdir(join(folder, "single/linked"))
  await symlink(target, join(folder, "single/linked/model.onnx"))
  expect((await importFile(deps, single("linked"))).promoted).toEqual([
    { model: "linked", version: "1" },
  ])
})

test("a version file that holds no version name is refused by its path", async () => {
  await put("single/odd/model.onnx", "odd")
  const path = await put("single/odd/model_version.txt", "1\n2\n")
  expect((await importFile(deps, single("odd"))).versions).toMatchObject([
    { outcome: "refused", path },
  ])
})

test("a single file that is not there is an error only if somebody named it", async () => {
  expect(await importFile(deps, single("absent"))).toEqual({
    versions: [],
    promoted: [],
    configured: [],
  })
  const required = importFile(deps, single("absent", true))
  await expect(required).rejects.toThrow("single/absent/model.onnx does not exist")
})

test("importing again mends a store that lost the model", async () => {
  const digest = artifactDigest(new TextEncoder().encode("12"))
  const bucket = await registry.log.connection.jetstream().views.os("weir-models")
  await bucket.delete(digest)
  await importing("plain")
  await fetchArtifact(deps.artifacts, digest, join(folder, "mended"))
})

test("an unloaded version stays unloaded however often it is imported", async () => {
  await put("resting/idle/1/model.onnx", "idle")
  await importing("resting")
  await execute(registry.log, "idle", { type: "Unload", at: 1 })
  expect((await importing("resting")).promoted).toEqual([])
  const { release } = await readRelease(registry.log, "idle")
  expect(release.versions.get("1")?.loaded).toBe(false)
})

test("the real demo model is registered with its declared features, then unchanged", async () => {
  const real = { ...deps, inspect: inspectByFirstLoad }
  const report = await importDirectory(real, FLIGHTS)
  expect(report.promoted).toEqual([{ model: "flights", version: "1" }])
  const { release } = await readRelease(registry.log, "flights")
  const signature = release.versions.get("1")?.signature
  expect(signature?.features.map(({ name }) => name)).toContain("distance")
  expect(signature?.inputs.length).toBe(5)
  const again = await importDirectory({ ...deps, inspect: neverAsked }, FLIGHTS)
  expect(again.versions).toMatchObject([{ outcome: "unchanged" }])
})

const neverAsked: Inspect = () => Promise.reject(new Error("a known model was loaded again"))

test("a file that is no model is refused by the first load with its reason", async () => {
  await put("broken/junk/1/model.onnx", "not a model")
  const real = { ...deps, inspect: inspectByFirstLoad }
  const report = await importDirectory(real, join(folder, "broken"))
  expect(report.versions).toMatchObject([{ outcome: "refused", model: "junk", version: "1" }])
  expect(await execute(registry.log, "junk", registration("1"))).toHaveLength(1)
})

test("a model whose releases cannot be read is refused, the others are imported", async () => {
  const subject = eventSubject("release", "broken")
  await registry.log.publisher.publish(subject, new TextEncoder().encode("junk"))
  await put("beside/broken/1/model.onnx", "b")
  await put("beside/sound/1/model.onnx", "s")
  const { versions, promoted } = await importing("beside")
  expect(versions.map(({ model, outcome }) => [model, outcome])).toEqual([
    ["broken", "refused"],
    ["sound", "imported"],
  ])
  const [refused] = versions
  expect(refused?.outcome === "refused" && refused.reason).toContain("./weir models mend broken")
  expect(promoted).toEqual([{ model: "sound", version: "1" }])
})

test("a configuration beside a model's versions is imported, changed and taken back", async () => {
  await put("configured/iris-c/1/model.onnx", "a")
  const path = await put("configured/iris-c/config.pbtxt", "max_batch_size: 4")
  const configOf = async () => (await readRelease(registry.log, "iris-c")).release.config
  expect((await importing("configured")).configured).toEqual(["iris-c"])
  expect(await configOf()).toEqual({ maxBatchSize: 4 })
  const before = (await storedFacts(registry.log, "iris-c")).length
  expect((await importing("configured")).configured).toEqual([])
  expect((await storedFacts(registry.log, "iris-c")).length).toBe(before)
  await put("configured/iris-c/config.pbtxt", "max_batch_size: 0")
  expect((await importing("configured")).configured).toEqual(["iris-c"])
  expect(await configOf()).toEqual({ maxBatchSize: 0 })
  await rm(path)
  expect((await importing("configured")).configured).toEqual(["iris-c"])
  expect(await configOf()).toEqual({})
})

test("a configuration that cannot be read or does not fit keeps its model out", async () => {
  await put("misfit/iris-m/1/model.onnx", "a")
  const path = await put("misfit/iris-m/config.pbtxt", "max_batch_size:")
  const [broken] = (await importing("misfit")).versions
  expect(broken).toMatchObject({ outcome: "refused", path, model: "iris-m" })
  await put("misfit/iris-m/config.pbtxt", '\ninput { name: "other" }')
  const [unfit] = (await importing("misfit")).versions
  expect(unfit).toMatchObject({ outcome: "refused", path })
  expect(unfit?.outcome === "refused" ? unfit.reason : "").toContain('line 2: input "other"')
  expect(await championOf("iris-m")).toBeUndefined()
})
