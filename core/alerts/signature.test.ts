// Our signatures are what the public library accepts, and what it makes is accepted by us.
import { describe, expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { Webhook } from "standardwebhooks"
import {
  makeSecret,
  readSecrets,
  SecretInvalid,
  secretKey,
  signedHeaders,
  TOLERANCE_SECONDS,
  verify,
  WEBHOOK_SIGNATURE,
  type SignedHeaders,
} from "./signature.ts"

const text = new TextEncoder()
const body = text.encode(JSON.stringify({ type: "drift.detected", data: { city: "Zürich" } }))
const seconds = Math.floor(Date.now() / 1_000)
const old = makeSecret(randomBytes)
const fresh = makeSecret(randomBytes)
const reader = (headers: SignedHeaders) => (name: string) =>
  Object.entries(headers).find(([key]) => key === name)?.[1]
const accepts = (secret: string, headers: SignedHeaders, payload: Uint8Array = body): boolean => {
  try {
    new Webhook(secret).verify(Buffer.from(payload), { ...headers })
    return true
  } catch {
    return false
  }
}

test("the public library accepts our signature, and we accept what it signs", () => {
  const headers = signedHeaders([fresh], "42", seconds, body)
  expect(accepts(fresh, headers)).toBe(true)
  expect(new Webhook(fresh).sign("42", new Date(seconds * 1_000), Buffer.from(body))).toBe(
    headers[WEBHOOK_SIGNATURE] ?? "",
  )
  expect(verify([fresh], reader(headers), body, seconds)).toEqual({ valid: true })
})

test("the signature of the standard's own example is ours", () => {
  const headers = signedHeaders(
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1_614_265_330,
    text.encode('{"test": 2432232314}'),
  )
  expect(headers[WEBHOOK_SIGNATURE]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
})

test("during a rotation receivers with either secret accept the same message", () => {
  const headers = signedHeaders([fresh, old], "42", seconds, body)
  expect(headers[WEBHOOK_SIGNATURE]?.split(" ").length).toBe(2)
  expect(accepts(fresh, headers)).toBe(true)
  expect(accepts(old, headers)).toBe(true)
  expect(verify([fresh], reader(headers), body, seconds).valid).toBe(true)
  expect(verify([old], reader(headers), body, seconds).valid).toBe(true)
  expect(accepts(makeSecret(randomBytes), headers)).toBe(false)
})

test("1,000 forged, stale and replayed messages are refused by us and by the library alike", () => {
  const changes: ReadonlyArray<(round: number) => readonly [SignedHeaders, Uint8Array]> = [
    (round) => [signedHeaders([old], String(round), seconds, body), body],
    (round) => [
      signedHeaders([fresh], String(round), seconds - TOLERANCE_SECONDS - 1 - round, body),
      body,
    ],
    (round) => [
      signedHeaders([fresh], String(round), seconds + TOLERANCE_SECONDS + 60 + round, body),
      body,
    ],
    (round) => {
      const bytes = body.slice()
      bytes[round % bytes.length] = (bytes[round % bytes.length] ?? 0) ^ 1
      return [signedHeaders([fresh], String(round), seconds, body), bytes]
    },
    (round) => [
      { ...signedHeaders([fresh], String(round), seconds, body), "webhook-id": "other" },
      body,
    ],
  ]
  for (let round = 0; round < 200; round++) {
    for (const change of changes) {
      const [headers, bytes] = change(round)
      expect(verify([fresh], reader(headers), bytes, seconds).valid).toBe(false)
      expect(accepts(fresh, headers, bytes)).toBe(false)
    }
  }
})

test("a message without its headers, or with a time that is no number, is refused", () => {
  const headers = signedHeaders([fresh], "42", seconds, body)
  for (const name of Object.keys(headers))
    expect(verify([fresh], reader({ ...headers, [name]: "" }), body, seconds)).toEqual({
      valid: false,
      reason: "headers",
    })
  expect(
    verify([fresh], reader({ ...headers, "webhook-timestamp": "1e9" }), body, seconds).valid,
  ).toBe(false)
})

test("without a secret there is no signature, but an id and a time", () => {
  expect(signedHeaders([], "7", 1_000, body)).toEqual({
    "webhook-id": "7",
    "webhook-timestamp": "1000",
  })
})

describe("secrets", () => {
  test("have 24 to 64 bytes of base64 behind whsec_", () => {
    const of = (bytes: number) => `whsec_${randomBytes(bytes).toString("base64")}`
    for (const bytes of [24, 32, 64]) expect(secretKey(of(bytes)).byteLength).toBe(bytes)
    for (const bad of [
      of(23),
      of(65),
      "whsec_",
      "",
      of(32).slice(6),
      "whsec_not base64 at all, by no means",
    ])
      expect(() => secretKey(bad)).toThrow(SecretInvalid)
  })
  test("are read as a list, at most four, and never repeated in an error", () => {
    expect(readSecrets(`${fresh} ${old}`)).toEqual([fresh, old])
    expect(readSecrets(undefined)).toEqual([])
    expect(() => readSecrets(Array(5).fill(fresh).join(","))).toThrow("there are 5, at most 4")
    expect(() => readSecrets("whsec_geheim")).toThrow(/^(?!.*geheim)/s)
  })
})
