// Where keys are asked for, and what a look at one costs.
import { expect, test } from "bun:test"
import type { Key } from "#core/access/access"
import { newKey, Pepper } from "#core/access/secrets"
import { makeKeyGuard, needsKeys } from "./auth.ts"

const pepper = new Pepper("the pepper of these tests")

test("keys are asked for exactly where others than this machine can call", () => {
  const hosts = { "127.0.0.1": false, "::1": false, localhost: false, "0.0.0.0": true, "::": true }
  for (const [host, needed] of Object.entries({ ...hosts, "10.0.0.7": true, "weir.local": true })) {
    expect({ host, needed: needsKeys({ auth: "auto", host }) }).toEqual({ host, needed })
    expect(needsKeys({ auth: "off", host })).toBe(false)
    expect(needsKeys({ auth: "required", host })).toBe(true)
  }
})

const COST_ROUNDS = 20_000
/** The look at a key is small beside the 25 µs of a message. */
const COST_MAX_MICROS = 25

test("letting a caller in costs microseconds", () => {
  const presented = newKey()
  const digest = pepper.digest(presented)
  const key: Key = {
    name: "alice",
    digest: digest.toString("hex"),
    pepper: pepper.fingerprint,
    scopes: ["predict"],
    ratePerSecond: 1_000_000,
    createdAt: 1,
  }
  const find = (found: Buffer) => (found.equals(digest) ? key : undefined)
  const onChange = () => () => undefined
  const now = () => performance.now()
  const guard = makeKeyGuard({ keys: { find, onChange }, pepper, metricsPublic: false, now })
  const headers = new Headers({ authorization: `Bearer ${presented}` })
  for (let round = 0; round < COST_ROUNDS; round++) guard.admit("predict", headers)
  const begun = performance.now()
  for (let round = 0; round < COST_ROUNDS; round++) guard.admit("predict", headers)
  const micros = ((performance.now() - begun) * 1_000) / COST_ROUNDS
  console.log(`admitting a caller: ${micros.toFixed(2)} µs`)
  expect(micros).toBeLessThan(COST_MAX_MICROS)
})
