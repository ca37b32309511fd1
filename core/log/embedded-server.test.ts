// The embedded server is a real one: it comes up on free ports, survives being killed with what it
// stored, and leaves nothing running.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "nats"
import { startCluster, startNats, type TestServer } from "../../test/support/nats-server.ts"
import { NatsServerFailed, startEmbeddedServer } from "./embedded-server.ts"
import { findNatsServer, isAtLeast } from "./nats-binary.ts"

const MIB = 1024 * 1024
let folder = ""
let nats: TestServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-embedded-"))
  nats = await startNats()
})
afterAll(async () => {
  await nats.stop()
  rmSync(folder, { recursive: true, force: true })
})

const binaryThatPrints = (name: string, line: string) => {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\necho "${line}"\n`)
  chmodSync(path, 0o755)
  return path
}

test("the server says that it takes messages of 8 MB", async () => {
  const connection = await connect({ servers: nats.url })
  expect(connection.info?.max_payload).toBe(8 * MIB)
  await connection.close()
})

test("the server leaves half of the cores to those who talk to it", async () => {
  const state: unknown = await (await fetch(`${nats.monitorUrl}/varz`)).json()
  const half = Math.max(1, Math.floor(availableParallelism() / 2))
  expect(state).toMatchObject({ gomaxprocs: half })
})

test("a killed server comes back on the same ports with what it had stored", async () => {
  const before = await connect({ servers: nats.url })
  const manager = await before.jetstreamManager()
  await manager.streams.add({ name: "KEPT", subjects: ["kept.>"] })
  await before.jetstream().publish("kept.one", "first")
  await before.close()
  const pid = nats.server().pid

  await nats.restart("kill")

  expect(nats.server().pid).not.toBe(pid)
  expect(nats.server().url).toBe(nats.url)
  expect(nats.server().monitorUrl).toBe(nats.monitorUrl)
  const after = await connect({ servers: nats.url })
  const info = await (await after.jetstreamManager()).streams.info("KEPT")
  expect(info.state.messages).toBe(1)
  await after.close()
})

test("a second server on the same store is refused by the first one's process id", async () => {
  const second = startEmbeddedServer({ directory: nats.directory })
  expect(second).rejects.toThrow(`process ${nats.server().pid} already runs on the store`)
})

test("a server that is still stopping is waited for before its store is used again", async () => {
  const options = { directory: join(folder, "stopping") }
  const first = await startEmbeddedServer(options)
  const connection = await connect({ servers: first.url, reconnect: false })
  const stopped = first.stop()
  await connection.closed()
  const second = await startEmbeddedServer(options)
  expect((await stopped).signal).not.toBe("SIGKILL")
  expect(second.pid).not.toBe(first.pid)
  await second.kill()
})

test("a server that cannot have its port is refused with the server's own words", async () => {
  const directory = join(folder, "busy")
  const attempt = startEmbeddedServer({ directory, port: nats.server().port })
  expect(await attempt.catch((error: unknown) => error)).toBeInstanceOf(NatsServerFailed)
  expect(attempt).rejects.toThrow("address already in use")
})

test("stop ends the server with SIGTERM and kill with SIGKILL", async () => {
  const server = await startEmbeddedServer({ directory: join(folder, "ends") })
  expect((await server.stop()).signal).not.toBe("SIGKILL")
  const again = await server.restart()
  expect((await again.kill()).signal).toBe("SIGKILL")
})

test("the server ends when the process that started it is killed", async () => {
  const directory = join(folder, "orphan")
  const module = join(import.meta.dir, "embedded-server.ts")
  const script = `
    import { startEmbeddedServer } from ${JSON.stringify(module)}
    const server = await startEmbeddedServer({ directory: ${JSON.stringify(directory)} })
    console.log(server.url)
    setInterval(() => {}, 1e9)`
  const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" })
  const { value } = await parent.stdout.getReader().read()
  const connection = await connect({
    servers: new TextDecoder().decode(value).trim(),
    reconnect: false,
  })
  parent.kill("SIGKILL")
  await parent.exited
  // Resolves because the guard ends the server; a server that lives on would run into the test's
  // time limit.
  await connection.closed()
})

test("a cluster of three elects a leader and keeps a stream with three replicas", async () => {
  const cluster = await startCluster(3)
  const connection = await connect({ servers: cluster.url.split(",") })
  const manager = await connection.jetstreamManager()
  const stream = await manager.streams.add({
    name: "WIDE",
    subjects: ["wide.>"],
    num_replicas: 3,
  })
  expect(stream.cluster?.replicas).toHaveLength(2)
  await connection.close()
  await cluster.stop()
})

test("an old nats-server is refused by path and version, and the search goes on", () => {
  const old = binaryThatPrints("old-nats-server", "nats-server: v2.9.10")
  expect(() => findNatsServer({ WEIR_NATS_SERVER: old })).toThrow(
    `${old}: version 2.9.10 is older than 2.12.0`,
  )
})

test("something that is not a nats-server is refused by path", () => {
  const other = binaryThatPrints("other", "hello")
  expect(() => findNatsServer({ WEIR_NATS_SERVER: other })).toThrow(
    `${other}: does not print a version`,
  )
})

test("versions are compared by number, not by letter", () => {
  expect(isAtLeast("2.12.0", "2.12.0")).toBe(true)
  expect(isAtLeast("2.9.10", "2.12.0")).toBe(false)
  expect(isAtLeast("2.100.0", "2.12.9")).toBe(true)
  expect(isAtLeast("3.0.0", "2.12.0")).toBe(true)
})
