// The house rules about the text of one file, each a function from path and source to what breaks
// it.
import { functionLengths } from "./function-lengths.ts"
import { mask } from "./source-mask.ts"

const FILE_LINES_MAX = 300
const FUNCTION_LINES_MAX = 60
const COLUMNS_MAX = 100

/** Programs of somebody else, who has the packages of NATS and the written contract alone. */
export const isForeign = (path: string): boolean => path.startsWith("examples/clients/")

/** Each breach as `line: what is wrong`, or only what is wrong where it concerns the whole file. */
export type Rule = (path: string, source: string) => ReadonlyArray<string>

/** Tests, and what only tests use: `test/` and files whose names begin with `test-`. */
export const isTest = (path: string): boolean =>
  /(\.test\.ts$|^test\/|\/test-[a-z0-9-]+\.ts$)/u.test(path)

const matches = (text: string, pattern: RegExp, what: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line, at) => (pattern.test(line) ? [`${at + 1}: ${what}`] : []))

export const fileLength: Rule = (_path, source) => {
  const lines = source.trimEnd().split("\n").length
  return lines > FILE_LINES_MAX ? [`${lines} lines, at most ${FILE_LINES_MAX}`] : []
}

/** A suite of tests is a list of functions, not a long one. */
const SUITE = /^\s*describe\b/u

export const functionLength: Rule = (_path, source) => {
  const lines = source.split("\n")
  return functionLengths(source)
    .filter((one) => one.lines > FUNCTION_LINES_MAX && !SUITE.test(lines[one.line - 1] ?? ""))
    .map((one) => `${one.line}: a function of ${one.lines} lines, at most ${FUNCTION_LINES_MAX}`)
}

export const columns: Rule = (_path, source) =>
  source.split("\n").flatMap((line, at) => {
    const { length } = [...line]
    return length > COLUMNS_MAX ? [`${at + 1}: ${length} columns, at most ${COLUMNS_MAX}`] : []
  })

export const noAny: Rule = (_path, source) =>
  matches(
    mask(source).bare,
    /:\s*any\b|\bas any\b|<any\b|\bany\[\]|[<,|&=]\s*any\s*[>,|&;)]/u,
    "any",
  )

// Put together, so that this file does not break its own rule.
const LEFTOVER = new RegExp(
  `\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`,
  "u",
)
export const noLeftovers: Rule = (_path, source) => matches(source, LEFTOVER, "a leftover")

const KINDS = "request|prediction|outcome|history|event|finding|dead|stored|reply|[>*]"
const SUBJECT = new RegExp(`["'\`](weir\\.(${KINDS})|\\$JS\\.EVENT)`, "u")
export const subjectsOnlyInProto: Rule = (path, source) =>
  path.startsWith("proto/") || isTest(path) || isForeign(path)
    ? []
    : matches(mask(source).code, SUBJECT, "a subject, which only proto/ may spell")

export const noDefaultExport: Rule = (_path, source) =>
  matches(mask(source).bare, /\bexport\s+default\b|\bas default\b/u, "a default export")

const VAGUE = ["util", "utils", "helper", "helpers", "common", "misc", "index"]
export const names: Rule = (path) =>
  path.split("/").flatMap((part) => {
    const name = part.replace(/(\.test|\.d)?\.ts$/u, "")
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/u.test(name)) return [`${part}: not in kebab-case`]
    return VAGUE.includes(name) ? [`${part}: says nothing about what is in it`] : []
  })

/** A module opens with what it is for; a test is named by what it tests. */
export const opening: Rule = (path, source) =>
  isTest(path) || /^(#!.*\n)?\/\/ \S/u.test(source) ? [] : ["does not open with what it is for"]

export const RULES: Readonly<Record<string, Rule>> = {
  "files are short": fileLength,
  "functions are short": functionLength,
  "lines are short": columns,
  "nothing is of any type": noAny,
  "nothing was left for later": noLeftovers,
  "subjects are spelled in proto/ alone": subjectsOnlyInProto,
  "nothing is exported without a name": noDefaultExport,
  "files and folders are named by what is in them": names,
  "modules open with what they are for": opening,
}
