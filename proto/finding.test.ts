// Findings and references are read back as they were written, and bytes that are none are refused.
import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import {
  driftFindingRecord,
  markRecord,
  referenceRecord,
  windowFindingRecord,
} from "./golden-findings.ts"
import type { RecordKind } from "./golden-examples.ts"
import { UnreadableRecord } from "./message-pack.ts"

const isRefused = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
  try {
    decode(bytes)
    return false
  } catch (error) {
    if (error instanceof UnreadableRecord) return true
    throw error
  }
}

/** −0 is written as 0, and a key `__proto__`, which no reader takes, is not written. */
const asWritten = (value: unknown): unknown => {
  if (value === 0) return 0
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(asWritten)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__proto__")
      .map(([key, part]) => [key, asWritten(part)]),
  )
}

const describeRecord = <A>({ name, schema, codec, examples }: RecordKind<A>) =>
  describe(name, () => {
    property(
      "is read back equal to what was written",
      Arbitrary.schema(schema),
      (value) => {
        const read: unknown = codec.decode(codec.encode(value))
        expect(read).toEqual(asWritten(value))
      },
      { runs: 100 },
    )

    test("is refused when it is cut anywhere", () => {
      for (const { value } of examples) {
        const whole = codec.encode(value)
        for (let length = 0; length < whole.byteLength; length++)
          expect(isRefused(codec.decode, whole.subarray(0, length))).toBe(true)
      }
    })

    property("random bytes are refused", Arbitrary.schema(Schema.Uint8Array), (bytes) =>
      isRefused(codec.decode, bytes),
    )
  })

describeRecord(windowFindingRecord)
describeRecord(driftFindingRecord)
describeRecord(markRecord)
describeRecord(referenceRecord)

test("a finding of a format that does not exist yet is refused by number", () => {
  const future = new TextEncoder().encode('{"format":2}')
  expect(() => windowFindingRecord.codec.decode(future)).toThrow("format 2 is unknown, 1 to 1")
})
