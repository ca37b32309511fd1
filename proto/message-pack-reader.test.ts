import { encode } from "@msgpack/msgpack"
import { describe, expect, test } from "bun:test"
import { MessageReader } from "./message-pack-reader.ts"

describe("a name that comes again", () => {
  const names = ["", "a", "INT64", "é", "ein Name mit ß", "x".repeat(31), "x".repeat(32), "\0"]

  test("reads as any other text, the first time and every other", () => {
    for (let round = 0; round < 3; round++)
      for (const name of [...names, ...names.map((name) => `${name}${round}`)]) {
        const reader = new MessageReader(encode([name, 7]))
        reader.listOf(2)
        expect(reader.name()).toBe(name)
        expect(reader.whole()).toBe(7)
        reader.end()
      }
  })

  test("is told from all others of its length", () => {
    for (let number = 10_000; number < 13_000; number++)
      expect(new MessageReader(encode(`n${number}`)).name()).toBe(`n${number}`)
  })

  test("is refused where a text would be: cut off, of another kind, no UTF-8", () => {
    const whole = encode("INT64")
    expect(new MessageReader(whole).name()).toBe("INT64")
    for (const bytes of [whole.subarray(0, 4), encode(5), encode(null), new Uint8Array()])
      expect(() => new MessageReader(bytes).name()).toThrow()
    expect(() => new MessageReader(new Uint8Array([0xa1, 0xff])).name()).toThrow("UTF-8")
  })
})
