// Each house rule can fail: what breaks it is found, and what only looks like it is not.
import { describe, expect, test } from "bun:test"
import { functionLengths } from "./support/function-lengths.ts"
import {
  columns,
  fileLength,
  functionLength,
  names,
  noAny,
  noDefaultExport,
  noLeftovers,
  opening,
  subjectsOnlyInProto,
  type Rule,
} from "./support/house-rules.ts"
import { directions, isPure, outsideWorld, packages, waysToTheLog } from "./support/import-rules.ts"
import { importsOf } from "./support/imports.ts"
import { mask } from "./support/source-mask.ts"

const PATH = "core/log/sample.ts"
const lines = (count: number, line: string) => Array.from({ length: count }, () => line).join("\n")
const breaks = (rule: Rule, source: string, path = PATH) => rule(path, source).length > 0

describe("a long function is found", () => {
  const body = lines(60, "  work()")
  const LONG = {
    "an arrow": `export const run = (a: number): void => {\n${body}\n}\n`,
    "an arrow in a call": `  run("x", async () => {\n${body}\n  })\n`,
    "an arrow with an object type": `const run = ({ a }: { a: { b: 1 } }): {} => {\n${body}\n}\n`,
    "an expression": `const run = () =>\n  [\n${lines(60, "    1,")}\n  ].length\n`,
    "a chain": `const run = (a: A) =>\n  a\n${lines(60, "    .then(b)")}\nconst next = 1\n`,
    "a declaration": `function run(a: number) {\n${body}\n}\n`,
    "a generator": `export async function* run(\n  a: A,\n): Gen<A> {\n${body}\n}\n`,
    "a generator in a call": `const a = Effect.gen(function* () {\n${body}\n})\n`,
    "a method": `class A {\n  run(a: number): void {\n${body}\n  }\n}\n`,
    "a private method": `class A {\n  async #run<T>(a: T): Promise<{ b: T }> {\n${body}\n  }\n}\n`,
    "a constructor": `class A {\n  constructor(a: number) {\n${body}\n  }\n}\n`,
    "a getter": `class A {\n  get run(): number {\n${body}\n  }\n}\n`,
    "a method of an object": `const a = {\n  run(b: number) {\n${body}\n  },\n}\n`,
  }
  for (const [kind, source] of Object.entries(LONG))
    test(kind, () => expect(functionLength(PATH, source)).toHaveLength(1))

  test("where braces in strings, comments, templates and patterns would hide its end", () => {
    const odd = 'a("}") // }\n  b(`}${`{${c}`}`) /* } */\n  d(/[}/]\\/}/u)\n  e = 4 / 2'
    expect(functionLength(PATH, `const run = () => {\n  ${odd}\n${body}\n}\n`)).toHaveLength(1)
    expect(functionLengths(`const run = () => {\n  ${odd}\n}\nconst x = 1\n`)[0]?.lines).toBe(6)
  })

  test("and nothing else is: classes, objects, suites, and one line below the limit", () => {
    const method = (at: number) => `  run${at}() {\n${lines(20, "    work()")}\n  }`
    const fine = [
      `class A {\n${[1, 2, 3, 4].map(method).join("\n")}\n}\n`,
      `const a = {\n${lines(80, "  b: 1,")}\n}\n`,
      `export interface A {\n${lines(80, "  b(c: number): void")}\n}\n`,
      `describe("x", () => {\n${lines(80, "  test()")}\n})\n`,
      `const run = () => {\n${lines(58, "  work()")}\n}\n`,
      `const one = () => 1\n${lines(80, "const a = 1")}\n`,
    ]
    for (const source of fine) expect(functionLength(PATH, source)).toEqual([])
  })

  test("inside another one too, and with the line where it begins", () => {
    const source = `const a = 1\n\nconst run = (\n  b: number,\n) => {\n${body}\n}\n`
    expect(functionLengths(source)).toEqual([{ line: 3, lines: 64 }])
  })
})

describe("found in a file is", () => {
  test("too many lines, or columns", () => {
    expect(breaks(fileLength, lines(301, "a"))).toBe(true)
    expect(breaks(fileLength, `${lines(300, "a")}\n`)).toBe(false)
    expect(columns(PATH, `a\n${"é".repeat(101)}`)).toEqual(["2: 101 columns, at most 100"])
    expect(breaks(columns, "é".repeat(100))).toBe(false)
  })
  test("the type that turns checks off, but not the word", () => {
    for (const source of ["let a: any", "b as any", "Array<any>", "any[]", "Map<string, any>"])
      expect(breaks(noAny, source)).toBe(true)
    for (const source of ["// any", '"as any"', "Promise.any(a)", "company: Any", "`: any`"])
      expect(breaks(noAny, source)).toBe(false)
  })
  test("what was left for later", () => {
    for (const word of ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"])
      expect(breaks(noLeftovers, `// ${word}: later`)).toBe(true)
    expect(breaks(noLeftovers, "// shackled, todos")).toBe(false)
  })
  test("a subject outside of proto/ and tests, but no other name with a point", () => {
    for (const source of ['"weir.request.m.i"', "`weir.event.${a}`", "'weir.>'", '"$JS.EVENT.A"'])
      expect(breaks(subjectsOnlyInProto, source)).toBe(true)
    expect(breaks(subjectsOnlyInProto, '"weir.request.m.i"', "proto/subjects.ts")).toBe(false)
    expect(breaks(subjectsOnlyInProto, '"weir.request.m.i"', "core/log/a.test.ts")).toBe(false)
    expect(breaks(subjectsOnlyInProto, '// "weir.request"\n"weir.signature"')).toBe(false)
  })
  test("an export without a name", () => {
    expect(breaks(noDefaultExport, "export default 1")).toBe(true)
    expect(breaks(noDefaultExport, "export { a as default }")).toBe(true)
    expect(breaks(noDefaultExport, "export const byDefault = 1")).toBe(false)
  })
  test("a name in another case, or one that says nothing", () => {
    for (const path of ["core/Log.ts", "core/my_log.ts", "core/utils/a.ts", "a/index.ts"])
      expect(breaks(names, "", path)).toBe(true)
    for (const path of ["core/log/helpers.ts", "common.ts", "core/helper.test.ts"])
      expect(breaks(names, "", path)).toBe(true)
    for (const path of ["core/log/two-words.test.ts", "types/a1.d.ts"])
      expect(breaks(names, "", path)).toBe(false)
  })
  test("a module that does not say what it is for", () => {
    expect(breaks(opening, "import a from 'b'")).toBe(true)
    expect(breaks(opening, "// What it is for.\n")).toBe(false)
    expect(breaks(opening, "import a from 'b'", "core/a.test.ts")).toBe(false)
  })
})

describe("imports", () => {
  const of = (path: string, ...specifiers: ReadonlyArray<string>) =>
    importsOf(path, specifiers.map((name) => `import type { A } from "${name}"`).join("\n"))

  test("are read in every form, also for types alone, and not from strings or comments", () => {
    const source = [
      'import "a"',
      'import type { B } from "b"',
      'import {\n  type C,\n  D,\n} from "@c/d/e"',
      'export * from "./f.ts"',
      'export type { G } from "../g.ts"',
      'const h = await import("#core/h")',
      'import i from "#proto/i"',
      '// import j from "j"',
    ].join("\n")
    expect(importsOf("core/log/x.ts", source)).toEqual([
      { package: "a" },
      { package: "b" },
      { package: "@c/d" },
      { file: "core/log/f.ts" },
      { file: "core/g.ts" },
      { file: "core/h.ts" },
      { file: "proto/i.ts" },
    ])
  })

  test("against the direction are found", () => {
    const wrong: ReadonlyArray<readonly [path: string, specifier: string]> = [
      ["proto/a.ts", "../core/log/log.ts"],
      ["core/log/a.ts", "../../gateway/http.ts"],
      ["core/log/a.ts", "../../cli/main.ts"],
      ["gateway/a.ts", "../predictor/b.ts"],
      ["gateway/a.ts", "./main.ts"],
      ["gateway/a.ts", "../cli/b.ts"],
      ["gateway/a.ts", "../test/support/c.ts"],
      ["gateway/a.ts", "./a.test.ts"],
      ["gateway/a.ts", "./test-traffic.ts"],
      ["client/a.ts", "../proto/a.ts"],
      ["console/a.ts", "../core/a.ts"],
      ["utilities/a.ts", "./b.ts"],
    ]
    for (const [path, specifier] of wrong)
      expect(directions(path, of(path, specifier))).toHaveLength(1)
    const right: ReadonlyArray<readonly [path: string, specifier: string]> = [
      ["core/log/a.ts", "../../proto/b.ts"],
      ["gateway/a.ts", "#core/log/log"],
      ["gateway/main.ts", "./http.ts"],
      ["gateway/a.test.ts", "../test/support/c.ts"],
      ["cli/up.ts", "../gateway/main.ts"],
      ["test/a.test.ts", "../cli/up.ts"],
      ["console/a.ts", "../client/b.ts"],
    ]
    for (const [path, specifier] of right) expect(directions(path, of(path, specifier))).toEqual([])
  })

  test("of packages that can be replaced are found outside of their home", () => {
    expect(packages("gateway/a.ts", of("gateway/a.ts", "nats"))).toHaveLength(1)
    expect(packages("core/log/a.ts", of("core/log/a.ts", "nats"))).toEqual([])
    expect(packages("client/a.ts", of("client/a.ts", "effect"))).toHaveLength(1)
  })

  test("that lead from what is pure to the log are found over other files", () => {
    const graph = new Map([
      ["core/statistics/a.ts", of("core/statistics/a.ts", "../service/b.ts")],
      ["core/service/b.ts", of("core/service/b.ts", "../log/log.ts")],
      ["core/quality/c.ts", of("core/quality/c.ts", "nats")],
      ["core/quality/d.ts", of("core/quality/d.ts", "effect")],
    ])
    expect(waysToTheLog("core/statistics/a.ts", graph)).toEqual([
      "core/service/b.ts → core/log/log.ts",
    ])
    expect(waysToTheLog("core/quality/c.ts", graph)).toEqual(["nats"])
    expect(waysToTheLog("core/quality/d.ts", graph)).toEqual([])
  })
})

test("what is pure is known by its place, and what reaches outside by its words", () => {
  const pure = ["core/statistics/a.ts", "core/inference/b.ts", "core/registry/release.ts"]
  expect(pure.every(isPure)).toBe(true)
  expect(["retrainer/decider.ts", "retrainer/decide.ts"].every(isPure)).toBe(true)
  expect(["core/log/a.ts", "core/statistics/a.test.ts"].some(isPure)).toBe(false)
  for (const source of [
    "process.env.A",
    "Date.now()",
    "new Date()",
    "Math.random()",
    "randomBytes",
  ])
    expect(outsideWorld(mask(source).bare)).toHaveLength(1)
  expect(outsideWorld(mask('new Date(at) // Date.now\n"Math.random"').bare)).toEqual([])
})
