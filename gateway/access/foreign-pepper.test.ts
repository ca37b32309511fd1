// A gateway whose pepper differs from that of whoever makes keys, on a real log.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { readSettings } from "#core/service/settings"
import { openTestLog } from "../../test/support/open-log.ts"
import { openDoor } from "./auth.ts"
import { gatewaySettings } from "../settings.ts"

setDefaultTimeout(60_000)
const log = await openTestLog()
afterAll(() => log.stop())

test("a gateway says so when a key comes that it does not recognise", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_: string, more?: { readonly name?: unknown }) => {
      if (more?.name === "newcomer") resolve(more.name)
    },
    error: () => undefined,
  }
  const settings = readSettings(gatewaySettings, {
    WEIR_KEY_PEPPER: "the pepper of this gateway",
    WEIR_AUTH: "required",
  })
  const door = await openDoor(log.log, settings, logger)
  const foreign = new Pepper("another pepper than that of the tests")
  await changeAccess(log.log, "newcomer", {
    type: "Create",
    digest: foreign.digest(newKey()).toString("hex"),
    pepper: foreign.fingerprint,
    scopes: ["read"],
    ratePerSecond: undefined,
    beside: false,
    at: Date.now(),
  })
  expect(await promise).toBe("newcomer")
  await door.close()
})
