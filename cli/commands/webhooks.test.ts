// `weir webhooks` as an operator uses it, on a real log and with a real receiver.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Webhook } from "standardwebhooks"
import { WebhookAttempted, webhookAttemptCodec } from "#proto/webhook"
import { findingSubject } from "#proto/subjects"
import { endpointOf } from "#core/alerts/target"
import { startReceiver, type Receiver } from "#core/alerts/test-receiver"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { inProject } from "../project.ts"

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
const URL_ADDED = "https://hooks.weir-receiver.dev/services/T0/B0/hidden"

let opened: TestLog
let receiver: Receiver
let status = 200
beforeAll(async () => {
  opened = await openTestLog()
  receiver = startReceiver(() => new Response("", { status }))
})
afterAll(async () => {
  await receiver.stop()
  await opened.stop()
})

const weir = (...words: ReadonlyArray<string>) =>
  weirWith({ DRIFT_WEBHOOK: `${receiver.url}own`, DRIFT_WEBHOOK_SECRET: SECRET }, ...words)

/** In a shell that has no setting of the monitor. */
const weirElsewhere = (...words: ReadonlyArray<string>) =>
  weirWith({ DRIFT_WEBHOOK: "", DRIFT_WEBHOOK_SECRET: "" }, ...words)

const weirWith = async (
  environment: Readonly<Record<string, string>>,
  ...words: ReadonlyArray<string>
) => {
  const run = Bun.spawn([process.execPath, inProject("cli", "main.ts"), "webhooks", ...words], {
    env: {
      ...process.env,
      NATS_URL: opened.nats.url,
      DRIFT_WEBHOOK_KIND: "",
      ...environment,
    },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [printed, said] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
  ])
  return { code: await run.exited, printed, said }
}

test("a target is added, its secret shown once, listed without it, and removed", async () => {
  const added = await weir("add", "ops", URL_ADDED, "--kind", "slack", "--models", "flights")
  expect(added.code).toBe(0)
  const secret = /whsec_\S+/.exec(added.printed)?.[0] ?? ""
  expect(secret.length).toBeGreaterThan(40)
  const again = await weir("add", "ops", URL_ADDED)
  expect(again).toMatchObject({ code: 1, said: expect.stringContaining("it exists") })
  const rotated = await weir("rotate", "ops", "--json")
  expect(JSON.parse(rotated.printed).secret).not.toBe(secret)
  const listed = await weir("list")
  expect(listed.printed).toContain("https://hooks.weir-receiver.dev/…")
  for (const hidden of [secret, "hidden", SECRET]) expect(listed.printed).not.toContain(hidden)
  expect(JSON.parse((await weir("list", "--json")).printed).targets).toMatchObject([
    { name: "drift-webhook", origin: "configuration", secrets: 1 },
    { name: "ops", origin: "added", kind: "slack", secrets: 2, models: ["flights"] },
  ])
  expect((await weir("remove", "ops")).code).toBe(0)
  expect((await weir("remove", "ops")).said).toContain("no such target")
})

test("the name of a configured target is reserved, whether or not it is set here", async () => {
  const refused = {
    code: 2,
    said: expect.stringContaining(
      'NAME: expected a name that no setting configures, got "drift-webhook"',
    ),
  }
  for (const run of [weir, weirElsewhere]) {
    expect(await run("add", "drift-webhook", URL_ADDED)).toMatchObject(refused)
    expect(await run("rotate", "drift-webhook")).toMatchObject(refused)
  }
  expect(JSON.parse((await weirElsewhere("list", "--json")).printed).targets).toEqual([])
})

test("a retry of a target that is not known here is refused", async () => {
  const refused = (said: string) => ({ code: 1, printed: "", said: expect.stringContaining(said) })
  expect(await weir("retry", "nope")).toMatchObject(refused('there is no target "nope"'))
  expect(await weirElsewhere("retry", "drift-webhook")).toMatchObject(
    refused("DRIFT_WEBHOOK configures it, and is not set in this shell"),
  )
})

test("a target inside is refused with the reason", async () => {
  for (const url of ["https://169.254.169.254/", "https://0x7f.1/", receiver.url]) {
    const { code, said } = await weir("add", "inside", url)
    expect(code).toBe(1)
    expect(said).toMatch(/not a public address|must be https/)
  }
})

test("a host that no name server knows is told at once, and added for when it is", async () => {
  // A label of more than 63 characters can be no name anywhere.
  const added = await weir("add", "nowhere", `https://${"a".repeat(64)}.dev/hook`)
  expect(added.code).toBe(0)
  expect(added.said).toContain("WARNING the host of nowhere cannot be found from here")
  expect((await weir("remove", "nowhere")).code).toBe(0)
})

test("a target of a model that is not registered is added with a warning", async () => {
  const added = await weir("add", "early", URL_ADDED, "--models", "nope")
  expect(added.code).toBe(0)
  expect(added.said).toContain('WARNING no model "nope" is registered')
  expect((await weir("remove", "early")).code).toBe(0)
})

test("a secret that cannot sign is refused by its flag", async () => {
  const given = async (...words: ReadonlyArray<string>) => {
    const { code, said } = await weir(...words)
    expect(code).toBe(2)
    return said
  }
  expect(await given("add", "x", URL_ADDED, "--secret", "")).toContain("--secret must not be empty")
  expect(await given("add", "x", URL_ADDED, "--secret=")).toContain("--secret must not be empty")
  expect(await given("rotate", "x", "--secret", "whsec_AA==")).toContain("--secret: a webhook")
  expect((await weir("list")).printed).not.toContain("x:")
})

describe("a test", () => {
  test("reaches the operator's private target, signed", async () => {
    status = 204
    const { code, printed } = await weir("test", "drift-webhook")
    expect(printed).toBe("drift.detected: 204\ndrift.cleared: 204\n")
    expect(code).toBe(0)
    const received = receiver.seen.slice(-2)
    for (const { headers, body } of received) new Webhook(SECRET).verify(body, headers)
    expect(received.map(({ path, body }) => [path, JSON.parse(body).type])).toEqual([
      ["/own", "drift.detected"],
      ["/own", "drift.cleared"],
    ])
  })
  test("that does not arrive exits with 1 and says why", async () => {
    status = 500
    expect(await weir("test", "drift-webhook")).toMatchObject({
      code: 1,
      printed: "drift.detected: 500\ndrift.cleared: 500\n",
    })
    expect((await weir("test", "nobody")).said).toContain('there is no target "nobody"')
  })
})

test("the list says what waits and what failed, and a retry is an event", async () => {
  const endpoint = endpointOf({ url: `${receiver.url}own` })
  const attempt = WebhookAttempted.make({
    alert: "drift-7",
    model: "flights",
    target: "drift-webhook",
    endpoint,
    attempt: 10,
    step: 10,
    status: 503,
    outcome: "exhausted",
    at: Date.UTC(2026, 1, 1),
  })
  const subject = findingSubject("webhook", "flights")
  await opened.log.publisher.publish(subject, webhookAttemptCodec.encode(attempt))
  const { printed } = await weir("list")
  expect(printed).toContain("drift-webhook: alert drift-7 exhausted, attempt 10: 503")
  const retried = await weir("retry", "drift-webhook", "--alert", "drift-7")
  expect(retried).toMatchObject({
    code: 0,
    printed: "the drift-monitor sends alert drift-7 again\n",
  })
})

test("words that mean nothing are answered with what would", async () => {
  expect(await weir("send")).toMatchObject({ code: 2, said: expect.stringContaining("list, add") })
  expect((await weir("add", "x")).said).toContain("which URL?")
  expect((await weir("add", "x", URL_ADDED, "--kind", "pager")).said).toContain("--kind is one of")
  expect((await weir("add", "a.b", URL_ADDED)).said).toContain('"a.b" is no name')
})
