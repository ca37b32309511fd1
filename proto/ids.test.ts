import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { base32hex, keyedId, timeOrderedId } from "./ids.ts"
import { isLogId } from "./names.ts"

/** The 16 bytes of an id, by plain arithmetic on the 130 bits of its characters. */
const bytesOf = (id: string): Uint8Array => {
  let bits = 0n
  for (const character of id)
    bits = bits * 32n + BigInt("0123456789abcdefghijklmnopqrstuv".indexOf(character))
  return Uint8Array.from({ length: 16 }, (_, index) =>
    Number((bits >> (2n + 8n * BigInt(15 - index))) & 255n),
  )
}

const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 48 - 1 }))
const Random = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
  Schema.isMinLength(10),
  Schema.isMaxLength(10),
)

describe("an id made from time and randomness", () => {
  property(
    "has 26 characters, its time, version 7, the variant of RFC 9562, and the random bits",
    Arbitrary.schema(Schema.Tuple([Millis, Random])),
    ([millis, random]) => {
      const id = timeOrderedId(millis, Uint8Array.from(random))
      expect(id).toMatch(/^[0-9a-v]{26}$/u)
      expect(isLogId(id)).toBe(true)
      const bytes = bytesOf(id)
      expect(Buffer.from(bytes).readUIntBE(0, 6)).toBe(millis)
      expect((bytes[6] ?? 0) >> 4).toBe(7)
      expect((bytes[8] ?? 0) >> 6).toBe(2)
      const kept = [...bytes.subarray(6)].map((byte, at) =>
        at === 0 ? byte & 15 : at === 2 ? byte & 63 : byte,
      )
      const given = random.map((byte, at) => (at === 0 ? byte & 15 : at === 2 ? byte & 63 : byte))
      expect(kept).toEqual(given)
    },
  )

  property(
    "sorts by its time",
    Arbitrary.schema(Schema.Tuple([Millis, Millis, Random, Random])),
    ([a, b, randomA, randomB]) => {
      const [first, second] = [Math.min(a, b), Math.max(a, b)]
      if (first === second) return
      const idOf = (millis: number, random: ReadonlyArray<number>) =>
        timeOrderedId(millis, Uint8Array.from(random))
      expect(idOf(first, randomA) < idOf(second, randomB)).toBe(true)
    },
  )

  test("takes the random bytes from where it is told to", () => {
    const block = Uint8Array.from({ length: 30 }, (_, index) => index)
    expect(timeOrderedId(1, block, 20)).toBe(timeOrderedId(1, block.subarray(20)))
    expect(timeOrderedId(1, block, 10)).not.toBe(timeOrderedId(1, block, 20))
  })

  test("leaves the random bytes as they were", () => {
    const random = new Uint8Array(10).fill(255)
    timeOrderedId(1, random)
    expect(random).toEqual(new Uint8Array(10).fill(255))
  })

  test("is the same today as when this was written", () => {
    expect(timeOrderedId(1_760_000_000_000, new Uint8Array(10).fill(0xab))).toBe(
      "06csgb6001tqnatblelqnatblc",
    )
    expect(base32hex(new Uint8Array(16).fill(255))).toBe(`${"v".repeat(25)}s`)
    expect(base32hex(new Uint8Array(16))).toBe("0".repeat(26))
  })
})

describe("an id made from an idempotency key", () => {
  test("is the same today as when this was written", () => {
    expect(keyedId("alice", "flights", "order 7")).toBe("mnn2q967q9rs7oe5v36d31t7v0")
  })

  test("differs where two triples would run together as text", () => {
    const triples = [
      ["a", "b", "c"],
      ["ab", "", "c"],
      ["", "ab", "c"],
      ["a", "", "bc"],
      ["a:b", "c", ""],
      ["a", "b:c", ""],
      ["1:a", "", ""],
      ["", "1:a", ""],
      ["1:a1:b", "", "c"],
      ["\u00e9", "", ""],
      ["e\u0301", "", ""],
      ["", "", ""],
      ["0:", "0:", ""],
    ] as const
    const ids = triples.map(([caller, model, key]) => keyedId(caller, model, key))
    expect(new Set(ids).size).toBe(triples.length)
    expect(ids.every((id) => /^[0-9a-v]{26}$/u.test(id))).toBe(true)
  })

  const Part = Schema.String
  property(
    "is equal exactly for equal caller, model and key",
    Arbitrary.schema(Schema.Tuple([Part, Part, Part, Part, Part, Part])),
    ([a, b, c, d, e, f]) => {
      // Lone halves of a surrogate pair cannot travel in UTF-8, neither in a header nor in a
      // digest.
      const [one, two] = [[a, b, c] as const, [d, e, f] as const]
      if (![...one, ...two].every((part) => part.isWellFormed())) return
      const same = one.every((part, at) => part === two[at])
      expect(keyedId(...one)).toBe(keyedId(...one))
      expect(keyedId(...one) === keyedId(...two)).toBe(same)
    },
  )
})
