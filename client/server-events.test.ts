import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { InferenceError } from "./error.ts"
import { EventParser, type ServerEvent } from "./server-events.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)
const parse = (bytes: Uint8Array, sizes: ReadonlyArray<number> = []) => {
  const parser = new EventParser({ charactersMax: 1_000_000 })
  const events: Array<ServerEvent> = []
  let at = 0
  for (const size of sizes) {
    events.push(...parser.push(bytes.subarray(at, at + size)))
    at += size
  }
  events.push(...parser.push(bytes.subarray(at)))
  return { events, lastId: parser.lastId, retryMillis: parser.retryMillis }
}

describe("as the HTML standard has it:", () => {
  const said: ReadonlyArray<
    readonly [sentence: string, text: string, data: ReadonlyArray<string>]
  > = [
    ["lines of data are joined", "data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]],
    ["a comment is nothing", ": test\n\ndata: first\n\n", ["first"]],
    ["one space is dropped", "data:test\n\ndata:  test\n\n", ["test", " test"]],
    ["data without a value is empty", "data\n\ndata\ndata\n\ndata:", ["", "\n"]],
    ["an event that did not end is none", "data: one\n\ndata: two\n", ["one"]],
    ["every line end counts", "data: a\r\rdata: b\r\n\r\ndata: c\n\n", ["a", "b", "c"]],
    ["a byte order mark is nothing", "\ufeffdata: a\n\n", ["a"]],
    ["unknown fields are nothing", "foo: bar\ndata: a\nDATA: b\n\n", ["a"]],
  ]
  test.each(said)("%s", (_, text, data) => {
    expect(parse(bytesOf(text)).events.map((one) => one.data)).toEqual([...data])
  })

  test("names, ids and the time to come back", () => {
    const text = "retry: 1000\nid: 1\n: from\n\nevent: gap\nid: 2\ndata: x\n\ndata: y\n\nid: 9\n"
    expect(parse(bytesOf(text))).toEqual({
      events: [
        { name: "gap", data: "x", id: "2" },
        { name: "message", data: "y", id: "2" },
      ],
      lastId: "2",
      retryMillis: 1_000,
    })
  })
  test("an id without data moves on, one with a NUL does not", () => {
    expect(parse(bytesOf("id: 5\n: still here\n\nid: a\0b\n\n")).lastId).toBe("5")
  })
})

const Pieces = Schema.Literals([
  "data: a",
  "data:ä😀",
  "data",
  "id: 7",
  "id: 8\0",
  "id",
  "event: b",
  "retry: 5",
  "retry: x",
  ": c",
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "\r\r",
  "\r\n\r\n",
  "\ufeff",
  "x",
])
const Texts = Arbitrary.array(Arbitrary.schema(Pieces), { maxLength: 30 })
const Sizes = Arbitrary.array(
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))),
  { maxLength: 40 },
)

property(
  "where the stream is cut does not matter",
  Arbitrary.all([Texts, Sizes]),
  ([pieces, sizes]) => {
    const bytes = bytesOf(pieces.join(""))
    expect(parse(bytes, sizes)).toEqual(parse(bytes))
  },
  { runs: 2_000 },
)

property(
  "whatever the bytes are, there are events or none",
  Arbitrary.all([Arbitrary.schema(Schema.Array(Schema.Int)), Sizes]),
  ([bytes, sizes]) => {
    parse(new Uint8Array(bytes), sizes)
  },
)

describe("an event that is too long is refused", () => {
  const small = () => new EventParser({ charactersMax: 100 })
  test("as a line without end", () => {
    const parser = small()
    const push = () => parser.push(bytesOf("data: aaaaaaaaaa"))
    expect(() => Array.from({ length: 20 }, push)).toThrow(InferenceError)
  })
  test("as lines without end", () => {
    const parser = small()
    const push = () => parser.push(bytesOf("data: a\n"))
    expect(() => Array.from({ length: 100 }, push)).toThrow(InferenceError)
  })
})
