// Lines from parts, wherever the parts are cut.
import { expect, test } from "bun:test"
import { isNdjson, readLines, type Line } from "./ndjson.ts"

async function* parts(text: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}
const read = async (text: string | Uint8Array, size: number, limit = 10) => {
  const lines: Array<Line> = []
  for await (const line of readLines(parts(text, size), limit)) lines.push(line)
  return lines.map(({ number, text: told, fault }) => [number, told ?? fault ?? ""] as const)
}

test("lines are the same wherever the parts are cut", async () => {
  const text = 'é{"a":1}\n\n  \r\nb\r\n12345678901\nlast'
  for (let size = 1; size <= 40; size++)
    expect(await read(text, size)).toEqual([
      [1, 'é{"a":1}'],
      [4, "b\r"],
      [5, "tooLong"],
      [6, "last"],
    ])
})

test("a line of other bytes is named, and nothing comes of nothing", async () => {
  expect(await read(new Uint8Array([0xff, 10, 65]), 2)).toEqual([
    [1, "notUtf8"],
    [2, "A"],
  ])
  expect(await read("", 1)).toEqual([])
  expect(await read("\n\n", 1)).toEqual([])
})

test("content types are told apart without their parameters", () => {
  const isOne = (type: string) => isNdjson(new Headers({ "content-type": type }))
  expect(isOne("Application/X-NDJSON; charset=utf-8")).toBeTrue()
  expect(isOne("application/jsonl")).toBeTrue()
  expect(isOne("application/json")).toBeFalse()
  expect(isNdjson(new Headers())).toBeFalse()
})
