import { expect, test } from "bun:test"
import { parseDate } from "./date-text.ts"
import { jsonSchemaTest } from "./json-schema.ts"
import { pythonRegex } from "./python-regex.ts"
import { strptimeTest } from "./strftime.ts"

test("dates are read in the many forms that dateutil reads", () => {
  const day = Date.UTC(2003, 8, 25)
  const forms = ["2003-09-25", "Sep 25 2003", "25/09/2003", "9/25/2003", "20030925", "25 Sept 03"]
  for (const text of forms) expect([text, parseDate(text)]).toEqual([text, day])
  expect(parseDate("Thu Sep 25 10:36:28 2003")).toBe(Date.UTC(2003, 8, 25, 10, 36, 28))
  expect(parseDate("2003-09-25T10:49:41.5-03:00")).toBe(Date.UTC(2003, 8, 25, 13, 49, 41, 500))
  expect(parseDate("10h36m28.5s")).toBe(Date.UTC(2000, 0, 1, 10, 36, 28, 500))
  expect(parseDate("3 pm on 4 July 1999")).toBe(Date.UTC(1999, 6, 4, 15))
  for (const text of ["nope", "2023-13-45", "", "30 Feb 2020", "25:00", "nan"])
    expect([text, parseDate(text)]).toEqual([text, undefined])
})

test("strptime takes days that exist in the given form alone", () => {
  const isDay = strptimeTest("%Y-%m-%d")
  expect(isDay("2024-02-29")).toBe(true)
  expect(isDay("2024-2-9")).toBe(true)
  expect(isDay("2023-02-29")).toBe(false)
  expect(isDay("2024-02-29 ")).toBe(false)
  expect(strptimeTest("%d %b %y, %I:%M %p")("3 JAN 99, 11:05 pm")).toBe(true)
  expect(() => strptimeTest("%Q")).toThrow("bad directive")
})

test("Python's patterns mean what they mean there", () => {
  expect(pythonRegex("^(?P<a>x)(?P=a)$").test("xx\n")).toBe(true)
  expect(pythonRegex("\\Ax\\Z").test("x\n")).toBe(false)
  expect(pythonRegex("\\w+\\d").test("ü٣")).toBe(true)
  expect(pythonRegex("a.b").test("a\rb")).toBe(true)
  expect(pythonRegex("(?i)ABC").test("xabc")).toBe(true)
  expect(pythonRegex("[]a[]{2}").test("][")).toBe(true)
  expect(pythonRegex("a{,2}b\\-\\@").test("aab-@")).toBe(true)
  expect(pythonRegex("x{y}").test("x{y}")).toBe(true)
  for (const pattern of ["(?>a)", "a++", "(", "(?x)a", "\\G"])
    expect(() => pythonRegex(pattern)).toThrow()
})

test("a JSON schema with references, alternatives and conditions is followed", () => {
  const fits = jsonSchemaTest({
    definitions: { id: { type: "integer", minimum: 1 } },
    type: "object",
    required: ["id"],
    properties: {
      id: { $ref: "#/definitions/id" },
      tags: { type: "array", items: { type: "string", pattern: "^[a-z]+$" }, uniqueItems: true },
      next: { $ref: "#" },
    },
    additionalProperties: false,
    if: { required: ["tags"] },
    then: { properties: { id: { maximum: 10 } } },
  })
  expect(fits({ id: 3, tags: ["a", "b"], next: { id: 1 } })).toBe(true)
  for (const bad of [{}, { id: 0 }, { id: 11, tags: [] }, { id: 1, next: {} }, { id: 1, x: 1 }, 3])
    expect([bad, fits(bad)]).toEqual([bad, false])
  expect(fits({ id: 1, tags: ["a", "a"] })).toBe(false)
  expect(() => jsonSchemaTest({ $ref: "http://example.com/x" })).toThrow("not in the schema")
  expect(() => jsonSchemaTest({ type: "whole" })).toThrow("unknown type")
})
