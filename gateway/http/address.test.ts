import { expect, test } from "bun:test"
import { readQuery } from "./address.ts"

const NAMES = ["a", "aa", ""]
const read = (query: string) => readQuery(new Request(`http://weir/predict?${query}`), NAMES)

/** What the standard reads, or the kind of refusal. */
const expected = (query: string): ReadonlyMap<string, string> | "refused" => {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!NAMES.includes(name) || found.has(name)) return "refused"
    found.set(name, value)
  }
  return found
}

const queries = (characters: string, length: number): ReadonlyArray<string> =>
  length === 0
    ? [""]
    : queries(characters, length - 1).flatMap((query) => [...characters].map((one) => query + one))

test("parameters that are not encoded read as the standard has it", () => {
  for (let length = 0; length <= 6; length++)
    for (const query of queries("a1=&", length)) {
      const found = read(query)
      expect("kind" in found ? "refused" : found, query).toEqual(expected(query))
    }
})

test("parameters that are encoded are decoded", () => {
  expect(read("a=%61+b&aa=%C3%A9")).toEqual(
    new Map([
      ["a", "a b"],
      ["aa", "é"],
    ]),
  )
  expect(read("%61=1")).toEqual(new Map([["a", "1"]]))
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
