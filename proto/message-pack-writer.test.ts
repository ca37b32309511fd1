// Our writer against the general encoder: the same bytes for everything that a record can hold.
import { describe, expect, test } from "bun:test"
import { Encoder } from "@msgpack/msgpack"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { MessagePackWriter } from "./message-pack-writer.ts"

const writer = new MessagePackWriter()
const encoder = new Encoder({ ignoreUndefined: true })
const written = (value: unknown): Uint8Array => {
  writer.begin()
  writer.value(value)
  return writer.written()
}
const same = (value: unknown) => expect(written(value)).toEqual(encoder.encode(value))

const Value = Schema.Union([
  Schema.String,
  Schema.Number,
  Schema.Int,
  Schema.Boolean,
  Schema.Null,
  Schema.Uint8Array,
])
const Values = Schema.Union([
  Value,
  Schema.Array(Value),
  Schema.Record(Schema.String, Value),
  Schema.Array(Schema.Record(Schema.String, Schema.Array(Value))),
])

describe("the writer has the bytes of the general encoder for", () => {
  property("any value", Arbitrary.schema(Values), same)

  test("numbers around each change of form", () => {
    const edges = [
      0,
      0x1f,
      0x20,
      0x7f,
      0x80,
      0xff,
      0x7fff,
      0x8000,
      0xffff,
      2 ** 31,
      2 ** 32,
      2 ** 53,
    ]
    for (const edge of edges)
      for (const near of [edge - 1, edge, edge + 1])
        for (const value of [near, -near, near + 0.5]) same(value)
    for (const value of [-0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE]) same(value)
  })

  test("texts and bytes around each change of form", () => {
    for (const length of [0, 1, 31, 32, 85, 95, 96, 97, 255, 256, 21_845, 65_535, 65_536, 70_000]) {
      same("x".repeat(length))
      same("é".repeat(length))
      same(`${"x".repeat(length)}😀`)
      same(new Uint8Array(length).fill(7))
    }
  })

  test("lists and maps around each change of form", () => {
    for (const count of [0, 15, 16, 65_535, 65_536]) {
      const list = Array.from({ length: count }, (_, index) => index)
      same(list)
      if (count < 1_000) same(Object.fromEntries(list.map((item) => [`k${item}`, item])))
    }
  })

  test("fields that are undefined: they are left out of maps", () => {
    same({ a: 1, b: undefined, c: null })
  })
})

test("a large record leaves the next small one right, and what was written is a copy", () => {
  const large = written(new Uint8Array(3 << 20).fill(1))
  const small = written(["small", 1.5])
  expect(large.byteLength).toBe((3 << 20) + 5)
  expect(small).toEqual(encoder.encode(["small", 1.5]))
  const kept = written("kept")
  written("over")
  expect(kept).toEqual(encoder.encode("kept"))
})

test("what no record holds is refused", () => {
  expect(() => written(1n)).toThrow("a record holds no bigint")
  expect(() => written(() => 1)).toThrow("a record holds no function")
})
