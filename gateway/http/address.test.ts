import { expect, test } from "bun:test"
import { Query, readQuery } from "./address.ts"
import type { Refusal } from "./status.ts"

const NAMES = ["a", "aa", ""]
const read = (query: string) => readQuery(new Request(`http://weir/predict?${query}`), NAMES)

const valuesOf = (found: Query | Refusal) =>
  found instanceof Query ? NAMES.map((name) => found.get(name)) : found

/** What the standard reads, or that it is refused. */
const expected = (query: string): Array<string | undefined> | "refused" => {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!NAMES.includes(name) || found.has(name)) return "refused"
    found.set(name, value)
  }
  return NAMES.map((name) => found.get(name))
}

const queries = (characters: string, length: number): ReadonlyArray<string> =>
  length === 0
    ? [""]
    : queries(characters, length - 1).flatMap((query) => [...characters].map((one) => query + one))

test("parameters that are not encoded read as the standard has it", () => {
  for (let length = 0; length <= 6; length++)
    for (const query of queries("a1=&", length)) {
      const found = read(query)
      expect("kind" in found ? "refused" : valuesOf(found), query).toEqual(expected(query))
    }
})

test("parameters that are encoded are decoded", () => {
  expect(valuesOf(read("a=%61+b&aa=%C3%A9"))).toEqual(["a b", "é", undefined])
  expect(valuesOf(read("%61=1"))).toEqual(["1", undefined, undefined])
})

test("another parameter, or one twice, is refused by name", () => {
  const refused = { kind: "refused", error: "invalid" }
  const other = 'query: expected a or aa or , got "b"'
  expect(read("b=1")).toMatchObject({ ...refused, message: other })
  expect(read("b=%31")).toMatchObject({ ...refused, message: other })
  const twice = "a: expected one, got several"
  expect(read("a=1&a=2")).toMatchObject({ ...refused, message: twice })
  expect(read("a=1&%61=2")).toMatchObject({ ...refused, message: twice })
})
