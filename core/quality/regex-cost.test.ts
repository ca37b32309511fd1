import { expect, test } from "bun:test"
import { compileGate } from "./gate.ts"
import { evaluateSuite } from "./evaluate.ts"
import { pythonRegex } from "./python-regex.ts"
import { readSuite } from "./suite.ts"
import { columnOf, tableOf } from "./table.ts"

const BOUNDLESS = [
  String.raw`^((([A-Z])+)+x|A+\?)$`,
  "^(([A-Z])+)+$",
  "(a|a)+$",
  "(a|ab)*c",
  "(aa?)+$",
  "(a*)*b",
  String.raw`(\w+\s?)+$`,
  "^(a{1,3}){2,}$",
  ".*a.*b.*c.*d",
]
const SOUND = [
  "^[A-Z]{3}$",
  String.raw`^[\w.+-]+@([\w-]+\.)+[a-z]{2,}$`,
  String.raw`^\d+-\d+-\d+-\d+-\d+$`,
  String.raw`^(\d{1,3}\.){3}\d{1,3}$`,
  "^(?:red|green|blue)$",
  "(a|b)+c",
  String.raw`"(?:[^"\\]|\\.)*"`,
  ".*foo.*",
  "^([a-z]+)(,[a-z]+)*$",
]
const suiteOf = (regex: string) =>
  readSuite({
    name: "s",
    expectations: [
      { type: "expect_column_values_to_match_regex", kwargs: { column: "text", regex } },
    ],
  })

test("a pattern that could take without end is refused by name, and gives no verdict", () => {
  const text = `${"A".repeat(60)}?`
  const table = tableOf(new Map([["text", columnOf("string", [text])]]))
  for (const regex of BOUNDLESS) {
    expect(() => compileGate(suiteOf(regex), [{ name: "text", type: "string" }])).toThrow(
      /expect_column_values_to_match_regex \(expectation 0\): .* could take without end/u,
    )
    const [result] = evaluateSuite(suiteOf(regex), table).results
    expect(result?.failure?.message).toContain("could take without end")
  }
})

test("usual patterns are taken", () => {
  for (const regex of SOUND) expect(() => pythonRegex(regex)).not.toThrow()
})

test("a text too long for its pattern is an error in a table, and not met at the door", () => {
  const text = "b".repeat(100_001)
  const suite = suiteOf("^b")
  const table = tableOf(new Map([["text", columnOf("string", [text])]]))
  expect(evaluateSuite(suite, table).results[0]?.failure?.message).toContain("at most 100000")
  const gate = compileGate(suite, [{ name: "text", type: "string" }])
  expect(gate.check(1, () => text)?.expectation).toBe("expect_column_values_to_match_regex")
  expect(gate.check(1, () => "b")).toBeUndefined()
})
