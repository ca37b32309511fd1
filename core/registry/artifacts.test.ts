// Model bytes in a real object store and a real cache directory: what comes out is what was put, or
// an error.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtemp, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { append } from "#core/log/append"
import { MODELS_BUCKET } from "#proto/subjects"
import {
  artifactDigest,
  ArtifactCorrupt,
  ArtifactMissing,
  ArtifactStoreFull,
  ArtifactStoreMissing,
  fetchArtifact,
  type ArtifactStore,
} from "./artifacts.ts"
import { MODELS_STREAM, objectSubject, piecesSubject, readDescription } from "./object-layout.ts"
import { jetStreamArtifacts } from "./object-store.ts"
import { provisionArtifacts, sweepOrphans, verifyArtifacts } from "./object-upkeep.ts"
import { startRegistry, type TestRegistry } from "./test-registry.ts"

const MIB = 1024 * 1024
const HOUR_MILLIS = 3_600_000
// A second each on an idle machine. Long, because a test that times out takes its server with it.
setDefaultTimeout(60_000)

let registry: TestRegistry<TestServer>
let store: ArtifactStore
let cacheDir = ""

beforeAll(async () => {
  registry = await startRegistry(startNats())
  store = jetStreamArtifacts(registry.log)
  cacheDir = await mkdtemp(join(tmpdir(), "weir-artifacts-"))
})
afterAll(async () => {
  await registry.stop()
  await rm(cacheDir, { recursive: true, force: true })
})

const randomBytes = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}
const contentOf = async (path: string) => new Uint8Array(await Bun.file(path).arrayBuffer())
const describedAs = async (digest: string) => {
  const found = await registry.log.manager.streams.getMessage(MODELS_STREAM, {
    last_by_subj: objectSubject(digest),
  })
  return readDescription(found.data)
}
const messages = async () => (await registry.log.manager.streams.info(MODELS_STREAM)).state.messages

test("20 MB come back as they were put, and putting them again stores nothing", async () => {
  const bytes = randomBytes(20 * MIB + 17)
  const digest = await store.put(bytes)
  expect(digest).toBe(artifactDigest(bytes))
  const before = await messages()
  expect(await store.put(bytes)).toBe(digest)
  expect(await messages()).toBe(before)
  const path = await fetchArtifact(store, digest, cacheDir)
  expect(Buffer.compare(await contentOf(path), bytes)).toBe(0)
})

test("an empty model is kept like any other", async () => {
  const digest = await store.put(new Uint8Array(0))
  expect((await contentOf(await fetchArtifact(store, digest, cacheDir))).length).toBe(0)
})

test("any client of the object store reads what was put", async () => {
  const bytes = randomBytes(MIB + 1)
  const digest = await store.put(bytes)
  const bucket = await registry.log.connection.jetstream().views.os(MODELS_BUCKET)
  const read = await bucket.getBlob(digest)
  expect(Buffer.compare(read ?? new Uint8Array(), bytes)).toBe(0)
  expect((await bucket.list()).map(({ name }) => name)).toContain(digest)
})

test("what another client put under its digest is read", async () => {
  const bytes = randomBytes(MIB + 1)
  const bucket = await registry.log.connection.jetstream().views.os(MODELS_BUCKET)
  await bucket.putBlob({ name: artifactDigest(bytes) }, bytes)
  const path = await fetchArtifact(store, await store.put(bytes), cacheDir)
  expect(Buffer.compare(await contentOf(path), bytes)).toBe(0)
})

test("a damaged file of the cache is fetched again, whether cut or changed", async () => {
  const bytes = randomBytes(MIB)
  const digest = await store.put(bytes)
  const path = await fetchArtifact(store, digest, cacheDir)
  await truncate(path, MIB - 1)
  expect(artifactDigest(await contentOf(await fetchArtifact(store, digest, cacheDir)))).toBe(digest)
  const changed = bytes.slice()
  changed[5000] = (changed[5000] ?? 0) ^ 1
  await writeFile(path, changed)
  expect(artifactDigest(await contentOf(await fetchArtifact(store, digest, cacheDir)))).toBe(digest)
})

test("a store that lost a piece is a clear error, and putting again mends it", async () => {
  const bytes = randomBytes(2 * MIB)
  const digest = await store.put(bytes)
  const { nuid } = await describedAs(digest)
  const piece = await registry.log.manager.streams.getMessage(MODELS_STREAM, {
    last_by_subj: piecesSubject(nuid),
  })
  await registry.log.manager.streams.deleteMessage(MODELS_STREAM, piece.seq)
  const lost = fetchArtifact(store, digest, cacheDir)
  await expect(lost).rejects.toBeInstanceOf(ArtifactCorrupt)
  await expect(lost).rejects.toThrow("piece 4 of 4 is missing")
  expect((await readdir(cacheDir)).filter((name) => name.startsWith(digest))).toEqual([])
  await store.put(bytes)
  expect(artifactDigest(await contentOf(await fetchArtifact(store, digest, cacheDir)))).toBe(digest)
})

test("bytes stored under another digest are never handed out", async () => {
  const digest = "0".repeat(64)
  const bucket = await registry.log.connection.jetstream().views.os(MODELS_BUCKET)
  await bucket.putBlob({ name: digest }, randomBytes(1000))
  await expect(fetchArtifact(store, digest, cacheDir)).rejects.toBeInstanceOf(ArtifactCorrupt)
  expect(await readdir(cacheDir)).not.toContain(`${digest}.onnx`)
})

test("a digest that nobody put, a deleted one and a path are missing", async () => {
  const digest = await store.put(randomBytes(10))
  const bucket = await registry.log.connection.jetstream().views.os(MODELS_BUCKET)
  await bucket.delete(digest)
  for (const name of [digest, "1".repeat(64), "../../etc/passwd"])
    await expect(fetchArtifact(store, name, cacheDir)).rejects.toBeInstanceOf(ArtifactMissing)
})

test("eight at once put and fetch the same bytes: one object, whole files", async () => {
  const bytes = randomBytes(3 * MIB)
  const before = await messages()
  const digests = await Promise.all(
    Array.from({ length: 8 }, async () => jetStreamArtifacts(await registry.connect()).put(bytes)),
  )
  expect(new Set(digests).size).toBe(1)
  expect((await messages()) - before).toBe(3 * 2 + 1)
  const digest = artifactDigest(bytes)
  const paths = await Promise.all(digests.map(() => fetchArtifact(store, digest, cacheDir)))
  for (const path of paths) expect(artifactDigest(await contentOf(path))).toBe(digest)
  expect((await readdir(cacheDir)).filter((name) => name.endsWith(".part"))).toEqual([])
})

test("a put goes on over a kill of the server, each piece stored once", async () => {
  const bytes = randomBytes(12 * MIB)
  const putting = store.put(bytes)
  await registry.nats.restart("kill")
  const digest = await putting
  const { chunks, size } = await describedAs(digest)
  expect({ chunks, size }).toEqual({ chunks: 24, size: 12 * MIB })
  const path = await fetchArtifact(store, digest, cacheDir)
  expect(artifactDigest(await contentOf(path))).toBe(digest)
})

test("temporary files of dead processes are removed, younger ones are not", async () => {
  const old = join(cacheDir, "old.part")
  const young = join(cacheDir, "young.part")
  await writeFile(old, "x")
  await writeFile(young, "x")
  const before = Date.now() / 1000 - 7200
  await utimes(old, before, before)
  await fetchArtifact(store, await store.put(randomBytes(10)), cacheDir)
  const names = await readdir(cacheDir)
  expect(names).toContain("young.part")
  expect(names).not.toContain("old.part")
})

test("pieces of killed puts are swept when they are an hour old, models are not", async () => {
  // A server that was killed may have back what was purged just before: not this test's orphans.
  await sweepOrphans(registry.log, Date.now() + HOUR_MILLIS + 60_000)
  const bytes = randomBytes(100)
  const digest = await store.put(bytes)
  await append(registry.log.publisher, piecesSubject("abandoned"), bytes, 0)
  expect(await sweepOrphans(registry.log, Date.now())).toBe(0)
  expect(await sweepOrphans(registry.log, Date.now() + HOUR_MILLIS + 60_000)).toBe(1)
  expect(await sweepOrphans(registry.log, Date.now() + HOUR_MILLIS + 60_000)).toBe(0)
  await fetchArtifact(store, digest, cacheDir)
})

test("a model that does not fit is refused at once, and what is stored stays", async () => {
  const log = registry.log
  const { state } = await log.manager.streams.info(MODELS_STREAM)
  const tight = { replicas: 1, bytesMax: state.bytes + MIB }
  await provisionArtifacts(log, tight)
  await expect(store.put(randomBytes(2 * MIB))).rejects.toBeInstanceOf(ArtifactStoreFull)
  expect(await messages()).toBe(state.messages)
  await provisionArtifacts(log, { replicas: 1, bytesMax: 256 * MIB })
})

test("verification names what differs, and provisioning mends it", async () => {
  const { log } = registry
  const limits = { replicas: 1, bytesMax: 256 * MIB }
  expect(await verifyArtifacts(log, limits)).toEqual([])
  const wider = { replicas: 1, bytesMax: 300 * MIB }
  expect(await verifyArtifacts(log, wider)).toEqual([
    {
      where: MODELS_STREAM,
      field: "max_bytes",
      expected: String(300 * MIB),
      found: String(256 * MIB),
    },
  ])
  await provisionArtifacts(log, wider)
  expect(await verifyArtifacts(log, wider)).toEqual([])
})

test("a store that was never provisioned is named", async () => {
  await registry.log.manager.streams.delete(MODELS_STREAM)
  await expect(store.put(new Uint8Array(3))).rejects.toBeInstanceOf(ArtifactStoreMissing)
  const absent = fetchArtifact(store, "2".repeat(64), cacheDir)
  await expect(absent).rejects.toBeInstanceOf(ArtifactStoreMissing)
  expect(await verifyArtifacts(registry.log, { replicas: 1, bytesMax: 1 })).toHaveLength(1)
})
