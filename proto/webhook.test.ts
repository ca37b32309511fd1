// What is written about webhooks is read back as it was, and nothing else is read.
import { expect, test } from "bun:test"
import { Arbitrary } from "effect"
import { property } from "../test/support/property.ts"
import { UnreadableRecord } from "./message-pack.ts"
import {
  WebhookAdded,
  WebhookAttempted,
  webhookAttemptCodec,
  webhookCodec,
  WebhookFact,
} from "./webhook.ts"

/** JSON writes −0 as 0. */
const asWritten = <A>(value: A): unknown => JSON.parse(JSON.stringify(value))

property("a decision about a target", Arbitrary.schema(WebhookFact), (fact) => {
  expect(asWritten(webhookCodec.decode(webhookCodec.encode(fact)))).toEqual(asWritten(fact))
})

property("an attempt", Arbitrary.schema(WebhookAttempted), (fact) => {
  const { decode, encode } = webhookAttemptCodec
  expect(asWritten(decode(encode(fact)))).toEqual(asWritten(fact))
})

test("other facts, other formats and broken bytes are refused", () => {
  const added = WebhookAdded.make({
    name: "ops",
    kind: "standard",
    url: "https://hooks.weir-receiver.dev/",
    secret: "whsec_x",
    at: 1,
  })
  const bytes = webhookCodec.encode(added)
  const changed = (from: string, to: string) =>
    new TextEncoder().encode(new TextDecoder().decode(bytes).replace(from, to))
  for (const bad of [
    bytes.subarray(0, 20),
    changed('"format":1', '"format":2'),
    changed("WebhookAdded", "WebhookChanged"),
    changed("standard", "pager"),
    changed('"ops"', '"o p s"'),
    new Uint8Array(),
  ])
    expect(() => webhookCodec.decode(bad)).toThrow(UnreadableRecord)
  expect(() => webhookAttemptCodec.decode(bytes)).toThrow(UnreadableRecord)
})
