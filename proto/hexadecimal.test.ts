// Hexadecimal texts are bytes in a stored record and come back as they were; nothing that is only
// like one is stored or read as one.
import { describe, expect, test } from "bun:test"
import { Encoder } from "@msgpack/msgpack"
import { Schema } from "effect"
import { unaligned } from "../test/support/unaligned.ts"
import { hexadecimal } from "./hexadecimal.ts"
import { MessageReader } from "./message-pack-reader.ts"
import { recordCodec, UnreadableRecord } from "./message-pack.ts"
import { predictionCodec, type Prediction } from "./prediction.ts"

const pack = (value: unknown) => new Encoder().encode(value)

const Seal = Schema.Struct({ digest: Schema.optionalKey(hexadecimal(4)), name: Schema.String })
const codec = recordCodec("seal", Seal, { fields: ["digest", "name"], hex: { digest: 4 } }, 1)

describe("a hexadecimal text in a record", () => {
  test("is stored as its bytes and read back as its text", () => {
    const seal = { digest: "00ff9a0b", name: "first" }
    const bytes = codec.encode(seal)
    expect(bytes).toEqual(pack([1, Uint8Array.of(0x00, 0xff, 0x9a, 0x0b), "first"]))
    expect(codec.decode(bytes)).toEqual(seal)
  })

  test("is read from the middle of other memory", () => {
    const seal = { digest: "0123cdef", name: "first" }
    expect(codec.decode(unaligned(codec.encode(seal)))).toEqual(seal)
  })

  test("may be absent", () => {
    expect(codec.decode(codec.encode({ name: "none" }))).toEqual({ name: "none" })
  })

  test("is the one that was given, whatever was written before", () => {
    const digests = ["00000000", "ffffffff", "ffffffff", "0000000f", "00000000"]
    const written = digests.map((digest) => codec.encode({ digest, name: "" }))
    expect(written.map((bytes) => codec.decode(bytes).digest)).toEqual(digests)
  })

  test("is refused where it is something else, and the next one is not", () => {
    const wrong = ["", "00ff9a0", "00ff9a0b0c", "00FF9A0B", "00ff9a0g", "00ff9a0é", "00ff 9a0", "x"]
    for (const digest of [...wrong, "\u{1f600}".repeat(4)])
      for (const before of ["00ff9a0b", "11111111"]) {
        codec.encode({ digest: before, name: "" })
        expect(() => codec.encode({ digest, name: "" })).toThrow(
          "digest: expected 8 lower-case hexadecimal digits",
        )
        expect(codec.decode(codec.encode({ digest: before, name: "" })).digest).toBe(before)
      }
  })

  test("is refused where fewer or more bytes are stored, or none but a text", () => {
    const bytes = (length: number) => new Uint8Array(length)
    for (const stored of [bytes(0), bytes(3), bytes(5), "00ff9a0b", 7, true, [0, 0, 0, 0]]) {
      const decode = () => codec.decode(pack([1, stored, "n"]))
      expect(decode).toThrow(UnreadableRecord)
      expect(decode).toThrow("digest: expected 4 bytes")
    }
  })
})

describe("the reader", () => {
  const texts = ["00".repeat(32), "07".repeat(32), `07${"00".repeat(31)}`, "47".repeat(32)]
  const bytesOf = (text: string) => pack(new Uint8Array(Buffer.from(text, "hex")))

  test("tells texts apart that begin alike, and lengths", () => {
    // The first bytes 07 and 47 share their place among the texts that are kept.
    for (const text of [...texts, ...texts, ...texts.toReversed()])
      for (const length of [32, 16])
        expect(new MessageReader(bytesOf(text.slice(0, 2 * length))).hexName(length)).toBe(
          text.slice(0, 2 * length),
        )
  })

  test("reads longer ones too", () => {
    const long = "ab".repeat(64)
    expect(new MessageReader(bytesOf(long)).hexName(64)).toBe(long)
    expect(new MessageReader(bytesOf(long)).hex(64)).toBe(long)
  })

  test("refuses another length, another kind, and what ends early", () => {
    const [text = ""] = texts
    for (const read of ["hex", "hexName"] as const) {
      const reading = (bytes: Uint8Array, count: number) => () =>
        new MessageReader(bytes)[read](count)
      expect(reading(bytesOf(text), 31)).toThrow("expected 31 bytes, got 32")
      expect(reading(bytesOf(text), 33)).toThrow("expected 33 bytes, got 32")
      expect(reading(pack(text), 32)).toThrow("expected bytes")
      expect(reading(bytesOf(text).subarray(0, 33), 32)).toThrow("more bytes than there are")
    }
  })
})

describe("a fact", () => {
  const fact: Prediction = {
    id: "a",
    model: "m",
    modelDigest: "a1".repeat(32),
    signatureDigest: "b2".repeat(32),
    digest: "c3".repeat(32),
    batch: { id: "b", rows: 1, offset: 0, size: 1, members: "d4".repeat(16), ran: "inline" },
    times: { stored: 1, taken: 2 },
    deliveries: 1,
  }

  test("holds each of its digests in as many bytes as it has", () => {
    const stored = Buffer.from(predictionCodec.encode(fact)).toString("hex")
    const { modelDigest, signatureDigest, digest, batch } = fact
    for (const text of [modelDigest, signatureDigest, digest])
      expect(stored).toContain(`c420${text}`)
    expect(stored).toContain(`c410${batch?.members}`)
    expect(predictionCodec.decode(predictionCodec.encode(fact))).toEqual(fact)
  })

  test("is not written with a digest that is none", () => {
    const { batch } = fact
    if (batch === undefined) throw new Error("no batch")
    for (const [field, wrong] of [
      ["modelDigest", { modelDigest: "A1".repeat(32) }],
      ["signatureDigest", { signatureDigest: "b2" }],
      ["digest", { digest: "" }],
      ["members", { batch: { ...batch, members: "d4".repeat(32) } }],
    ] as const)
      expect(() => predictionCodec.encode({ ...fact, ...wrong })).toThrow(`${field}: expected`)
  })

  test("with a digest of another length or as text is refused by the name of the field", () => {
    const absent = Array<null>(10).fill(null)
    const wire: ReadonlyArray<unknown> = ["a", "m", ...absent, [1, 2], 1]
    const read = (field: number, value: unknown) => () =>
      predictionCodec.decode(pack([1, ...wire.with(field, value), ...Array<null>(5).fill(null)]))
    expect(read(3, new Uint8Array(32))().modelDigest).toBe("00".repeat(32))
    expect(read(3, new Uint8Array(31))).toThrow("modelDigest: expected 32 bytes")
    expect(read(4, new Uint8Array(33))).toThrow("signatureDigest: expected 32 bytes")
    expect(read(6, "c3".repeat(32))).toThrow("digest: expected 32 bytes")
    const batch = (members: Uint8Array) => ["b", 1, 0, 1, members, "inline"]
    expect(read(10, batch(new Uint8Array(16)))().batch?.members).toBe("00".repeat(16))
    expect(read(10, batch(new Uint8Array(32)))).toThrow("members: expected 16 bytes")
  })
})
