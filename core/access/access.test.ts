// Keys: given facts, when a command, then facts or a refusal; and on a real log, who is let in.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { accessCodec, KeyCreated, KeyRevoked, type AccessFact } from "#proto/access"
import { eventSubject } from "#proto/subjects"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import {
  AccessRefused,
  decide,
  evolve,
  initialCaller,
  KEYS_PER_CALLER_MAX,
  type AccessCommand,
} from "./access.ts"
import { AccessUnreadable, changeAccess } from "./key-facts.ts"
import { openKeys } from "./keys.ts"
import { newKey, openPepper, Pepper, PepperUnusable } from "./secrets.ts"

setDefaultTimeout(60_000)

const name = "alice"
const pepper = "ab".repeat(8)
const digestOf = (letter: string) => letter.repeat(64)
const created = (letter: string) =>
  KeyCreated.make({ name, digest: digestOf(letter), pepper, scopes: ["predict"], at: 1 })
const revoked = (letter: string) => KeyRevoked.make({ name, digest: digestOf(letter), at: 2 })
const create = (letter: string, more: Partial<Extract<AccessCommand, { type: "Create" }>> = {}) =>
  ({
    type: "Create",
    digest: digestOf(letter),
    pepper,
    scopes: ["predict"],
    ratePerSecond: undefined,
    beside: false,
    at: 1,
    ...more,
  }) as const
const revoke = (keyId?: string) => ({ type: "Revoke", keyId, at: 2 }) as const

const given = (...facts: ReadonlyArray<AccessFact>) => ({
  when: (command: AccessCommand) => {
    const decided = decide(command, facts.reduce(evolve, initialCaller(name)))
    return {
      then: (...expected: ReadonlyArray<AccessFact>) => expect(decided).toEqual(expected),
      thenRefused: (reason: string) => {
        expect(decided).toBeInstanceOf(AccessRefused)
        expect(decided).toMatchObject({ reason: expect.stringContaining(reason) })
      },
    }
  },
})

describe("deciding about keys", () => {
  test("a caller without a key gets one", () => {
    given().when(create("a")).then(created("a"))
    given(created("a"), revoked("a")).when(create("b")).then(created("b"))
  })
  test("a second key is made only when it is asked for, and there is a most", () => {
    given(created("a")).when(create("b")).thenRefused("there is one already")
    given(created("a"))
      .when(create("b", { beside: true }))
      .then(created("b"))
    const full = ["a", "b", "c", "d"].slice(0, KEYS_PER_CALLER_MAX).map(created)
    given(...full)
      .when(create("e", { beside: true }))
      .thenRefused("the most")
  })
  test("a key without a scope, or with a rate that is none, is refused", () => {
    given()
      .when(create("a", { scopes: [] }))
      .thenRefused("scope")
    for (const ratePerSecond of [0, -1, Number.NaN, 1e9])
      given().when(create("a", { ratePerSecond })).thenRefused("rate")
  })
  test("all keys are revoked, or the one that is named", () => {
    const two = [created("a"), created("b")]
    given(...two)
      .when(revoke())
      .then(revoked("a"), revoked("b"))
    given(...two)
      .when(revoke("bbbbbbbb"))
      .then(revoked("b"))
    given(...two)
      .when(revoke("cccccccc"))
      .thenRefused("none of its keys")
    given().when(revoke()).thenRefused("none to revoke")
  })
  test("what is no name is refused", () => {
    for (const wrong of ["", "a.b", "a b", "*", ">", "x".repeat(65)])
      expect(decide(create("a"), initialCaller(wrong))).toBeInstanceOf(AccessRefused)
  })
})

describe("secrets", () => {
  test("keys are long, random and of one form", () => {
    const keys = Array.from({ length: 200 }, () => newKey())
    expect(new Set(keys).size).toBe(200)
    for (const key of keys) expect(key).toMatch(/^weir_[0-9a-z]{50}$/)
    expect(newKey(new Uint8Array(32))).toBe(`weir_${"0".repeat(50)}`)
    expect(newKey(new Uint8Array(32).fill(255))).toMatch(/^weir_[0-9a-z]{50}$/)
  })
  test("the same key has another digest under another pepper", () => {
    const [one, other] = [new Pepper("x".repeat(16)), new Pepper("y".repeat(16))]
    const key = newKey()
    expect(one.digest(key).equals(new Pepper("x".repeat(16)).digest(key))).toBe(true)
    expect(one.digest(key).equals(other.digest(key))).toBe(false)
    expect(one.fingerprint).not.toBe(other.fingerprint)
    expect(`${JSON.stringify(one)}${Bun.inspect(one)}`).not.toContain("xxxx")
  })
  test("without a configured pepper one is made once, for its owner alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "weir-pepper-"))
    const data = join(folder, "data")
    const made: Array<string> = []
    const first = openPepper(undefined, data, (path) => made.push(path))
    const again = openPepper(undefined, data, (path) => made.push(path))
    expect(again.fingerprint).toBe(first.fingerprint)
    expect(made).toEqual([join(data, "key-pepper")])
    expect(statSync(join(data, "key-pepper")).mode & 0o777).toBe(0o600)
    expect(openPepper("z".repeat(16), data).fingerprint).not.toBe(first.fingerprint)
    expect(() => openPepper("short", data)).toThrow(PepperUnusable)
    rmSync(folder, { recursive: true })
  })
})

describe("keys on a real log", () => {
  let log: TestLog
  const secret = new Pepper("p".repeat(16))
  beforeAll(async () => {
    log = await openTestLog()
  })
  afterAll(() => log.stop())

  const make = async (caller: string) => {
    const key = newKey()
    const digest = secret.digest(key).toString("hex")
    await changeAccess(log.log, caller, create("a", { digest, pepper: secret.fingerprint }))
    return key
  }

  test("every projection learns of a key and of its end, also across a crash", async () => {
    const live = await openKeys(log.log)
    const [alice, bob] = [await make("alice"), await make("bob")]
    await live.caughtUp()
    expect(live.find(secret.digest(alice))).toMatchObject({ name: "alice", scopes: ["predict"] })
    expect(live.find(secret.digest(newKey()))).toBeUndefined()
    await log.restart()
    await changeAccess(log.log, "alice", revoke())
    await live.caughtUp()
    const fresh = await openKeys(log.log)
    for (const keys of [live, fresh]) {
      expect(keys.find(secret.digest(alice))).toBeUndefined()
      expect(keys.find(secret.digest(bob))?.name).toBe("bob")
      expect(keys.size).toBe(1)
    }
    expect(fresh.callers()).toEqual(live.callers())
    await Promise.all([live.close(), fresh.close()])
  })

  test("of many who create a key for one caller at once, one does", async () => {
    const tries = await Promise.allSettled(Array.from({ length: 6 }, () => make("contended")))
    expect(tries.filter(({ status }) => status === "fulfilled").length).toBe(1)
  })

  test("a fact of somebody else's under a caller's subject ends the projection", async () => {
    const live = await openKeys(log.log)
    const subject = eventSubject("key", "mallory")
    await log.log.publisher.publish(subject, accessCodec.encode(created("f")))
    expect(await live.done.catch((cause: unknown) => cause)).toBeInstanceOf(AccessUnreadable)
  })
})
