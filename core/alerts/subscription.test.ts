// Targets that are created at run time: what is refused, and who signs with what.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { makeSecret, SecretInvalid } from "./signature.ts"
import {
  decide,
  evolve,
  initialSubscription,
  ROTATION_MILLIS,
  SUBSCRIPTIONS_MAX,
  targetOf,
  type Add,
  type SubscriptionCommand,
} from "./subscription.ts"
import { changeSubscription, readSubscriptions } from "./subscriptions.ts"
import { TargetRefused } from "./target.ts"

const secret = makeSecret(randomBytes)
const second = makeSecret(randomBytes)
const third = makeSecret(randomBytes)
const add = (more: Partial<Add> = {}): Add => ({
  type: "Add",
  kind: "standard",
  url: "https://hooks.weir-receiver.dev/x",
  secret,
  at: 1,
  ...more,
})
const after = (...commands: ReadonlyArray<SubscriptionCommand>) =>
  commands.reduce((state, command) => {
    const facts = decide(command, state)
    if (facts instanceof TargetRefused) throw facts
    return facts.reduce(evolve, state)
  }, initialSubscription("ops"))
const refusal = (command: SubscriptionCommand, state = initialSubscription("ops")) => {
  const decision = decide(command, state)
  return decision instanceof TargetRefused ? decision.message : undefined
}

describe("adding", () => {
  test("makes a target that is not trusted and hears of what comes from then on", () => {
    expect(targetOf(after(add({ models: ["flights"] })), 5)).toEqual({
      name: "ops",
      kind: "standard",
      url: "https://hooks.weir-receiver.dev/x",
      secrets: [secret],
      trusted: false,
      since: 1,
      models: ["flights"],
    })
  })
  test("is refused for a URL inside, a name that is taken, and models that are none", () => {
    expect(refusal(add({ url: "https://10.0.0.1/" }))).toContain("10.0.0.1 is not a public address")
    expect(refusal(add({ url: "http://example.com/" }))).toContain("must be https")
    expect(refusal(add(), after(add()))).toContain("it exists")
    expect(refusal(add({ models: [] }))).toContain("1 to 64 models")
    expect(refusal(add({ models: ["a b"] }))).toContain('"a b" is no model name')
    expect(refusal(add(), initialSubscription("a.b"))).toContain('"a.b" is no name')
  })
  test("is refused for a weak secret", () => {
    expect(() => decide(add({ secret: "whsec_short" }), initialSubscription("ops"))).toThrow(
      SecretInvalid,
    )
  })
})

describe("rotating", () => {
  test("signs with both secrets for a day, then with the new one", () => {
    const state = after(add(), { type: "Rotate", secret: second, at: 10 })
    expect(targetOf(state, 11)?.secrets).toEqual([second, secret])
    expect(targetOf(state, 10 + ROTATION_MILLIS)?.secrets).toEqual([second])
  })
  test("twice keeps the last two", () => {
    const rotations = [second, third].map(
      (one) => ({ type: "Rotate", secret: one, at: 10 }) as const,
    )
    expect(targetOf(after(add(), ...rotations), 11)?.secrets).toEqual([third, second])
  })
})

test("what was removed is no target, and can be added again with a fresh secret", () => {
  const removed = after(add(), { type: "Rotate", secret: second, at: 2 }, { type: "Remove", at: 3 })
  expect(targetOf(removed, 4)).toBeUndefined()
  expect(refusal({ type: "Remove", at: 5 }, removed)).toContain("no such target")
  expect(refusal({ type: "Rotate", secret, at: 5 }, removed)).toContain("no such target")
  const again = decide(add({ secret: third, at: 6 }), removed)
  if (again instanceof TargetRefused) throw again
  expect(targetOf(again.reduce(evolve, removed), 7)?.secrets).toEqual([third])
})

describe("on the log", () => {
  let opened: TestLog
  beforeAll(async () => {
    opened = await openTestLog()
  })
  afterAll(() => opened.stop())

  test("changes are there for everybody who reads, and refusals change nothing", async () => {
    const { log } = opened
    await changeSubscription(log, "ops", add())
    await changeSubscription(log, "ops", { type: "Rotate", secret: second, at: 2 })
    await changeSubscription(log, "pager", add({ kind: "slack", at: 3 }))
    await expect(changeSubscription(log, "ops", add())).rejects.toThrow("it exists")
    await expect(changeSubscription(log, "x.y", add())).rejects.toThrow("is no name")
    const read = await readSubscriptions(log)
    expect(read.targets(4).map(({ name, secrets }) => [name, secrets.length])).toEqual([
      ["ops", 2],
      ["pager", 1],
    ])
    await changeSubscription(log, "ops", { type: "Remove", at: 5 })
    expect((await readSubscriptions(log)).targets(6).map(({ name }) => name)).toEqual(["pager"])
  })

  test("of eight who add the same name at once, one does", async () => {
    const adding = Array.from({ length: 8 }, (_, at) =>
      changeSubscription(opened.log, "contended", add({ at })).then(
        () => "added",
        (cause: unknown) => (cause instanceof TargetRefused ? "refused" : cause),
      ),
    )
    const outcomes = await Promise.all(adding)
    expect(outcomes.filter((outcome) => outcome === "added").length).toBe(1)
    expect(outcomes.filter((outcome) => outcome === "refused").length).toBe(7)
    await changeSubscription(opened.log, "contended", { type: "Remove", at: 9 })
  })

  test("there cannot be more than the limit", async () => {
    const { length } = (await readSubscriptions(opened.log)).targets(0)
    for (let place = length; place < SUBSCRIPTIONS_MAX; place++)
      await changeSubscription(opened.log, `many-${place}`, add())
    await expect(changeSubscription(opened.log, "one-more", add())).rejects.toThrow(
      `there are ${SUBSCRIPTIONS_MAX} targets`,
    )
  })
})
