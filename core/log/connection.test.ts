// Credentials in the address of a real server that demands them.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { freePorts } from "../../test/support/nats-server.ts"
import { connectNats } from "./connection.ts"
import { findNatsServer } from "./nats-binary.ts"

const [port = 0] = freePorts(1)
const address = `127.0.0.1:${port}`
let server: Bun.Subprocess
beforeAll(async () => {
  const { path } = findNatsServer()
  const login = ["--user", "u", "--pass", "secret@pw"]
  const child = Bun.spawn([path, "-a", "127.0.0.1", "-p", String(port), ...login], {
    stdout: "ignore",
    stderr: "pipe",
  })
  server = child
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  const follow = async () => {
    // To the end, since the server dies of a pipe that nobody reads.
    for await (const chunk of child.stderr)
      if (Buffer.from(chunk).toString().includes("Server is ready")) resolve()
  }
  void follow()
  await ready
})
afterAll(async () => {
  server.kill("SIGTERM")
  await server.exited
})

const reason = async (servers: string, user?: string, password?: string) => {
  try {
    const connection = await connectNats({ servers, name: "test", user, password })
    await connection.close()
  } catch (cause) {
    return String(cause)
  }
  return "connected"
}

test("credentials in an address are used, and settings of their own come before them", async () => {
  expect(await reason(`nats://u:secret@pw@${address}`)).toBe("connected")
  expect(await reason(`nats://u:secret%40pw@${address}`)).toBe("connected")
  expect(await reason(`nats://u:wrong@${address}`, "u", "secret@pw")).toBe("connected")
})

test("a refusal names the server without them", async () => {
  const said = await reason(`nats://u:wrongpw@${address}`)
  expect(said).toContain(`no NATS server answers at nats://***@${address}`)
  expect(said).not.toContain("wrongpw")
})

test("tls:// is not content with a server that has none", async () => {
  expect(await reason(`tls://u:secret@pw@${address}`)).toContain("no NATS server answers at tls://")
})
