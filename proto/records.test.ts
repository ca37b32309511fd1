// What is written is read back as it was, and bytes that nobody of ours wrote end in one kind of
// error.
import { describe, expect, test } from "bun:test"
import { Encoder } from "@msgpack/msgpack"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import {
  deadLetterRecord,
  predictionRecord,
  releaseRecord,
  requestRecord,
  type RecordKind,
} from "./golden-examples.ts"
import { DEPTH_MAX, VALUES_MAX } from "./message-pack-scan.ts"
import { recordCodec, UnreadableRecord } from "./message-pack.ts"
import { requestCodec } from "./request.ts"

const MIB = 1024 * 1024
const encoder = new Encoder()
const pack = (value: unknown) => encoder.encode(value)

/**
 * The refusal of bytes that cannot be read; fails when they can be, or when anything else is
 * thrown.
 */
const refusal = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): UnreadableRecord => {
  try {
    decode(bytes)
  } catch (error) {
    if (error instanceof UnreadableRecord) return error
    throw error
  }
  throw new Error("was read")
}

const readOrRefused = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
  try {
    decode(bytes)
    return true
  } catch (error) {
    return error instanceof UnreadableRecord && error.reason.length <= 500
  }
}

/** −0 is written as the integer 0, and a key `__proto__`, which no reader takes, is not written. */
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

const Place = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.999 }))
const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

const describeRecord = <A>({ name, schema, codec, examples }: RecordKind<A>) =>
  describe(name, () => {
    const values = Arbitrary.schema(schema)
    property("is read back equal to what was written", values, (value) => {
      expect(codec.decode(codec.encode(value))).toEqual(asWritten(value) as A)
    })

    property("two copies of the same value have the same bytes", values, (value) => {
      expect(codec.encode(structuredClone(value))).toEqual(codec.encode(value))
    })

    test("no part of its bytes is a record, wherever they are cut", () => {
      for (const { value } of examples) {
        const whole = codec.encode(value)
        for (let length = 0; length < whole.byteLength; length++)
          refusal(codec.decode, whole.subarray(0, length))
      }
    })

    test("bytes after it are refused", () => {
      for (const { value } of examples)
        refusal(codec.decode, Buffer.concat([codec.encode(value), Uint8Array.of(0xc0)]))
    })

    property(
      "bytes with some of them changed are read or refused, and nothing else",
      Arbitrary.all([
        values,
        Arbitrary.array(Arbitrary.schema(Schema.Tuple([Place, Byte])), {
          minLength: 1,
          maxLength: 4,
        }),
      ]),
      ([value, changes]) => {
        const bytes = codec.encode(value)
        for (const [place, byte] of changes) bytes[Math.floor(place * bytes.byteLength)] = byte
        return readOrRefused(codec.decode, bytes)
      },
      { runs: 1_000 },
    )

    property(
      "random bytes are read or refused, and nothing else",
      Arbitrary.schema(Schema.Uint8Array),
      (bytes) =>
        readOrRefused(codec.decode, bytes) &&
        readOrRefused(codec.decode, Buffer.concat([Uint8Array.of(0x95, 0x01), bytes])),
      { runs: 1_000 },
    )

    test("a format that does not exist yet is refused by number", () => {
      const future = name === "release fact" ? Buffer.from(`{"format":2}`) : pack([2])
      expect(refusal(codec.decode, future).message).toContain("format 2 is unknown, 1 to 1")
    })
  })

describeRecord(requestRecord)
describeRecord(predictionRecord)
describeRecord(deadLetterRecord)
describeRecord(releaseRecord)

describe("hostile bytes", () => {
  const { decode } = requestCodec
  /** Memory that decoding took; `Bun.gc` first, so that only what is still held counts. */
  const heldAfter = (bytes: Uint8Array): number => {
    Bun.gc(true)
    const before = process.memoryUsage().rss
    refusal(decode, bytes)
    return process.memoryUsage().rss - before
  }

  test("lengths that claim more than is there take no memory", () => {
    // Each level claims 983,040 entries: a decoder that believes it takes 8 MB for every 5 bytes.
    const nested = Buffer.from("dd000f0000".repeat(2_000), "hex")
    expect(heldAfter(nested)).toBeLessThan(64 * MIB)
    for (const claim of ["ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff", "dcffff"])
      expect(heldAfter(Buffer.from(`95${claim}`, "hex"))).toBeLessThan(64 * MIB)
  })

  test("a million levels are refused by their depth", () => {
    const deep = new Uint8Array(1_000_000).fill(0x91)
    deep[deep.byteLength - 1] = 0xc0
    expect(refusal(decode, deep).reason).toBe(`more than ${DEPTH_MAX} levels`)
  })

  test("eight million small values are refused by their number", () => {
    const wide = new Uint8Array(8 * MIB).fill(0x90)
    wide.set([0xdd, 0x00, 0x7f, 0xff, 0xfb])
    expect(refusal(decode, wide).reason).toBe(`more than ${VALUES_MAX} values`)
  })

  test("the reason stays short when what was found is long", () => {
    const error = refusal(decode, pack([1, "x".repeat(500_000)]))
    expect(error.reason.length).toBeLessThan(500)
    const bytes = refusal(decode, pack([1, [["t", "FP32", new Uint8Array(4 * MIB), []]]]))
    expect(bytes.reason.length).toBeLessThan(500)
  })

  test("a map with the right names is not a record", () => {
    const tensor = { name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }
    expect(refusal(decode, pack([1, [tensor]])).reason).toContain("expected the array of name")
    refusal(decode, pack({ 0: 1, inputs: [] }))
  })

  test("a map cannot reach the prototype of objects", () => {
    const parameters = Buffer.from("81a95f5f70726f746f5f5f81a178c3", "hex")
    refusal(decode, Buffer.concat([Uint8Array.of(0x95, 0x01, 0x90, 0xc0, 0xc0), parameters]))
    expect(Reflect.get({}, "x")).toBeUndefined()
  })

  test("numbers that are no format are refused", () => {
    for (const format of [0, -1, 0.5, 1.5, NaN, Infinity, "1", null, true, [1]])
      expect(refusal(decode, pack([format, []])).reason).toMatch(/^format .* is unknown/u)
  })

  test("extension types are refused", () => {
    // A timestamp, an extension of one byte, and an extension that claims four gigabytes.
    for (const hex of ["9201d6ff00000000", "9201d40100", "9201c9ffffffff01"])
      refusal(decode, Buffer.from(hex, "hex"))
  })
})

test("a Buffer is written as the bytes that it holds", () => {
  const data = Buffer.from([9, 1, 2, 3, 4, 9]).subarray(1, 5)
  const read = requestCodec.decode(
    requestCodec.encode({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data }] }),
  )
  expect(read.inputs[0]?.data).toEqual(Uint8Array.of(1, 2, 3, 4))
})

test("bytes that were encoded do not change when the next record is encoded", () => {
  const first = requestCodec.encode({ inputs: [], clientId: "first" })
  const copy = first.slice()
  requestCodec.encode({ inputs: [], clientId: "other" })
  expect(first).toEqual(copy)
  expect(first.byteLength).toBe(first.buffer.byteLength)
})

describe("a record whose format moved on", () => {
  const Door = Schema.Struct({ colour: Schema.String, width: Schema.Finite })
  const layout = { fields: ["colour", "width"] }
  // Format 1 had the width first, in centimetres.
  const codec = recordCodec("door", Door, layout, 2, {
    1: ([centimetres, colour]) => [colour, Number(centimetres) / 100],
  })

  test("is written in the new format", () => {
    expect(codec.encode({ colour: "red", width: 0.9 })).toEqual(pack([2, "red", 0.9]))
  })
  test("is read from the old one", () => {
    expect(codec.decode(pack([1, 90, "red"]))).toEqual({ colour: "red", width: 0.9 })
  })
  test("is refused in a newer one, and in one between two", () => {
    expect(refusal(codec.decode, pack([3, "red", 0.9])).reason).toContain("1 to 2 can be read")
    expect(refusal(codec.decode, pack([1.5, "red", 0.9])).reason).toContain("1 to 2 can be read")
  })
  test("is refused when the way from an old format is no longer there", () => {
    const third = recordCodec("door", Door, layout, 3, { 2: (fields) => fields })
    expect(refusal(third.decode, pack([1, 90, "red"])).reason).toBe("format 1 is no longer read")
    expect(third.decode(pack([2, "red", 0.9]))).toEqual({ colour: "red", width: 0.9 })
  })
  test("is refused when the way from the old format fails on what it finds", () => {
    const strict = recordCodec("door", Door, layout, 2, {
      1: () => {
        throw new Error("no width")
      },
    })
    expect(refusal(strict.decode, pack([1])).reason).toBe("no width")
  })
})
