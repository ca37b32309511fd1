// The wire form of headers, against the client's own.
import { expect, test } from "bun:test"
import { headers as natsHeaders } from "nats"
import { headerBlock } from "./header-list.ts"

const encode = (headers: object): string => {
  if (!("encode" in headers) || typeof headers.encode !== "function") throw new Error("no encode")
  return Buffer.from(headers.encode()).toString("utf8")
}

test("headers are the text that the client would write", () => {
  const list = [
    ["Nats-Expected-Last-Subject-Sequence", "0"],
    ["Weir-Caller", " Zoë "],
    ["traceparent", "00-0123"],
  ] as const
  const theirs = natsHeaders()
  for (const [name, value] of list) theirs.set(name, value)
  expect(headerBlock(list)).toBe(encode(theirs))
})

test("no headers make no block", () => {
  expect(headerBlock([])).toBe("")
})

test("a name or a value that cannot stand in a header is refused", () => {
  expect(() => headerBlock([["Weir Caller", "a"]])).toThrow('not a name of a header: "Weir Caller"')
  expect(() => headerBlock([["a:b", "a"]])).toThrow("not a name of a header")
  expect(() => headerBlock([["Weir-Caller", "a\r\nWeir-Keyed: 1"]])).toThrow("line break")
})
