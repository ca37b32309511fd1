// `weir keys` as it is typed, on a real log.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { openKeys } from "#core/access/keys"
import { Pepper } from "#core/access/secrets"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"

setDefaultTimeout(60_000)

const PEPPER = "a pepper for this test"
let log: TestLog
beforeAll(async () => {
  log = await openTestLog()
})
afterAll(() => log.stop())

const weir = (...words: ReadonlyArray<string>) => weirUnder({ WEIR_KEY_PEPPER: PEPPER }, ...words)

const weirUnder = async (
  environment: Readonly<Record<string, string>>,
  ...words: ReadonlyArray<string>
) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "main.ts"), ...words], {
    env: { ...process.env, NATS_URL: log.nats.url, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { out: out.trim(), err, code }
}

test("a key is printed once, alone on standard output, and gateways recognise it", async () => {
  const made = await weir("keys", "create", "alice", "--scopes", "predict,read", "--rate", "50/s")
  expect({ code: made.code, out: made.out }).toMatchObject({ code: 0 })
  expect(made.out).toMatch(/^weir_[0-9a-z]{50}$/)
  const keys = await openKeys(log.log)
  const found = keys.find(new Pepper(PEPPER).digest(made.out))
  await keys.close()
  expect(found).toMatchObject({ name: "alice", scopes: ["predict", "read"], ratePerSecond: 50 })

  const listed = await weir("keys", "list")
  expect(listed.out).toContain("alice")
  expect(listed.out).toContain("50/s")
  expect(listed.out).not.toContain(made.out)
  expect((await weir("keys", "create", "alice")).code).toBe(1)
  expect((await weir("keys", "revoke", "alice")).code).toBe(0)
  expect((await weir("keys", "list")).out).toBe("no key is valid (1 revoked)")
})

test("what cannot be is refused by name", async () => {
  for (const [words, said] of [
    [["create"], "whose key"],
    [["create", "a.b"], "is no name"],
    [["create", "bob", "--scopes", "admin"], "--scopes"],
    [["create", "bob", "--rate", "0"], "--rate"],
    [["steal"], "expected one of create, list, revoke"],
  ] as const) {
    const refused = await weir("keys", ...words)
    expect({ code: refused.code, err: refused.err }).toMatchObject({
      code: 2,
      err: expect.stringContaining(said),
    })
  }
})

test("a key that no gateway would accept is not made, unless --new-pepper says so", async () => {
  const data = join(log.nats.directory, "another-data")
  const elsewhere = { WEIR_KEY_PEPPER: "", WEIR_DATA: data }
  expect((await weir("keys", "create", "carol")).code).toBe(0)
  expect((await weirUnder(elsewhere, "keys", "list")).out).toMatch(/carol .* none here$/mu)

  const refused = await weirUnder(elsewhere, "keys", "create", "dave")
  expect({ code: refused.code, out: refused.out }).toEqual({ code: 1, out: "" })
  expect(refused.err).toContain(`made a new pepper: ${join(data, "key-pepper")}`)
  expect(refused.err).toContain("WEIR_KEY_PEPPER or WEIR_DATA")
  expect((await weir("keys", "list")).out).not.toContain("dave")

  const forced = await weirUnder(elsewhere, "keys", "create", "dave", "--new-pepper")
  expect({ code: forced.code, err: forced.err }).toMatchObject({ code: 0 })
  expect(forced.out).toMatch(/^weir_/u)
  expect(forced.err).not.toContain("made a new pepper")
  const listed = (await weir("keys", "list")).out
  expect(listed).toMatch(/carol .* this$/mu)
  expect(listed).toMatch(/dave .* another pepper$/mu)
})
