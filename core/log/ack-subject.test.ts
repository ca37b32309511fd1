// The figures of a message, as the subject of its ack names them.
import { expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../../test/support/property.ts"
import { readAckSubject } from "./ack-subject.ts"

/** The same by the plainest means, which rounds a time that is too near the next millisecond. */
const byTokens = (subject: string) => {
  const tokens = subject.split(".")
  const first = tokens.length >= 11 ? 6 : 4
  return {
    deliveries: Number(tokens[first]),
    sequence: Number(tokens[first + 1]),
    storedAt: Math.floor(Number(tokens[first + 3]) / 1_000_000),
    pending: Number(tokens[first + 4]),
  }
}

test("the figures stand behind four tokens of nine, and behind six of eleven or twelve", () => {
  const figures = "3.41.40.1760000000123456789.12"
  const expected = { deliveries: 3, sequence: 41, storedAt: 1_760_000_000_123, pending: 12 }
  for (const subject of [
    `$JS.ACK.S.C.${figures}`,
    `$JS.ACK._.ABC.S.C.${figures}`,
    `$JS.ACK._.ABC.S.C.${figures}.token`,
    `$JS.ACK.domain.ABC.S.C.${figures}.token.more`,
  ])
    expect(readAckSubject(subject)).toEqual(expected)
})

test("the time of storing is never rounded up to the next millisecond", () => {
  const storedAt = (nanos: string) => readAckSubject(`$JS.ACK.S.C.1.1.1.${nanos}.0`).storedAt
  expect(storedAt("1760000000123999999")).toBe(1_760_000_000_123)
  expect(storedAt("1760000000124000000")).toBe(1_760_000_000_124)
  expect(storedAt("999999")).toBe(0)
  expect(storedAt("1000000")).toBe(1)
})

test("what is odd reads as a number would: missing, empty, with other characters, too long", () => {
  const subjects = [
    "",
    "$JS.ACK",
    "$JS.ACK.S.C",
    "$JS.ACK.S.C.1.2.3",
    "$JS.ACK.S.C.1.2.3.1760000000123456789",
    "$JS.ACK.S.C.....",
    "$JS.ACK.S.C.a.b.c.d.e",
    "$JS.ACK.S.C.-1.1e3.0x10.176000000012345x789. 7",
    "$JS.ACK.S.C.1.2.3.17600000001234567e2.4",
    "$JS.ACK.S.C.12345678901234567890.98765432109876543.3.12345678901234567890123.5",
    "$JS.ACK.S.C.1.2.3.1760000000123456000.5.6",
    "$JS.ACK._.ABC.S.C.1.2.3..5",
  ]
  for (const subject of subjects) expect(readAckSubject(subject)).toEqual(byTokens(subject))
})

const Token = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })),
  Schema.Literals(["", "S", "_", "1760000000123456000", "007", "+1"]),
])
property(
  "any tokens read as they would one by one",
  Arbitrary.array(Arbitrary.schema(Token), { minLength: 0, maxLength: 14 }),
  (tokens) => {
    const subject = tokens.join(".")
    expect(readAckSubject(subject)).toEqual(byTokens(subject))
  },
)
