// A key that is revoked while it reads a feed: the feed ends, and those of others go on.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { ask, MODEL, startTestSystem } from "../test-system.ts"

setDefaultTimeout(60_000)

const PEPPER = "the pepper of these tests"
const pepper = new Pepper(PEPPER)
const system = await startTestSystem({ WEIR_AUTH: "required", WEIR_KEY_PEPPER: PEPPER })
afterAll(() => system.stop())

const make = async (name: string): Promise<string> => {
  const key = newKey()
  await changeAccess(system.log, name, {
    type: "Create",
    digest: pepper.digest(key).toString("hex"),
    pepper: pepper.fingerprint,
    scopes: ["read", "predict"],
    ratePerSecond: undefined,
    beside: false,
    at: Date.now(),
  })
  return key
}

test("a feed ends when its key is revoked, and another's goes on", async () => {
  const keys = [await make("leaving"), await make("staying")]
  const { url } = await system.startGateway()
  const feed = `${url}/v2/models/${MODEL}/feed`
  const readers = await Promise.all(
    keys.map(async (key) => {
      const response = await fetch(feed, { headers: { authorization: `Bearer ${key}` } })
      expect(response.status).toBe(200)
      const reader = response.body?.getReader()
      expect((await reader?.read())?.done).toBe(false)
      return reader
    }),
  )
  const [leaving, staying] = readers
  const more = staying?.read().then(({ done }) => done)
  await changeAccess(system.log, "leaving", { type: "Revoke", keyId: undefined, at: Date.now() })
  expect((await leaving?.read())?.done).toBe(true)
  const again = await ask(feed, { headers: { authorization: `Bearer ${keys[0]}` } })
  expect(again.status).toBe(401)
  expect(await Promise.race([more, Promise.resolve("it waits")])).toBe("it waits")
  await staying?.cancel()
})
