// Compares results of this evaluation with those that Great Expectations recorded itself. Only
// tests use it; it evaluates nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import { checkGoldenFolder } from "../statistics/golden-folder.ts"
import { tableFromCsv, TableSchema } from "./csv.ts"
import { evaluateSuite } from "./evaluate.ts"
import { gxJson } from "./gx-json.ts"
import { parseToolFile } from "./python-json.ts"
import { readSuite } from "./suite.ts"

const Index = Schema.Struct({
  cases: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      input: Schema.Struct({
        table: Schema.String,
        schema: Schema.String,
        suite: Schema.String,
        result_format: Schema.Literals(["BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE"]),
      }),
      expected: Schema.String,
    }),
  ),
})

const Fields = Schema.Record(Schema.String, Schema.Unknown)
const ResultFile = Schema.Struct({
  success: Schema.Boolean,
  statistics: Fields,
  results: Schema.Array(
    Schema.Struct({
      success: Schema.Boolean,
      expectation_config: Fields,
      result: Fields,
      exception_info: Fields,
    }),
  ),
})
type One = (typeof ResultFile.Type)["results"][number]

const RELATIVE_TOLERANCE = 1e-9

/** Lists whose order the tool does not promise: counts with ties, and sets of Python. */
const UNORDERED = new Set(["partial_unexpected_counts", "partial_missing_list"])

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isSame = (got: unknown, expected: unknown): boolean => {
  if (typeof got === "number" && typeof expected === "number")
    return Math.abs(got - expected) <= RELATIVE_TOLERANCE * Math.abs(expected)
  if (Array.isArray(got) && Array.isArray(expected))
    return got.length === expected.length && got.every((one, i) => isSame(one, expected[i]))
  if (!isObject(got) || !isObject(expected)) return Object.is(got, expected)
  const keys = new Set([...Object.keys(got), ...Object.keys(expected)])
  return [...keys].every((key) => {
    const [a, b] = [got[key], expected[key]]
    return UNORDERED.has(key) && Array.isArray(a) && Array.isArray(b)
      ? isSame(sorted(a), sorted(b))
      : isSame(a, b)
  })
}

const sorted = (values: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  values.map((value) => JSON.stringify(value)).toSorted()

const isRaised = (info: Readonly<Record<string, unknown>>): boolean =>
  info["raised_exception"] === true ||
  Object.values(info).some((one) => isObject(one) && one["raised_exception"] === true)

const caseOf = ({ expectation_config: { meta } }: One): unknown =>
  isObject(meta) ? meta["case"] : undefined

const differences = (got: One, expected: One): ReadonlyArray<string> => {
  const parts = ["success", "expectation_config", "result"] as const
  const unequal = parts.filter((part) => !isSame(got[part], expected[part]))
  const texts = unequal.map(
    (part) => `${part} ${JSON.stringify(got[part])}, expected ${JSON.stringify(expected[part])}`,
  )
  return isRaised(got.exception_info) === isRaised(expected.exception_info)
    ? texts
    : [...texts, `exception_info ${JSON.stringify(got.exception_info)}`]
}

export interface GoldenOutcome {
  readonly file: string
  readonly passed: number
  readonly total: number
  readonly differences: ReadonlyArray<string>
}

const json = (path: string): unknown => parseToolFile(readFileSync(path, "utf8"))
const decodeResult = Schema.decodeUnknownSync(ResultFile)

const runCase = (
  folder: string,
  { input, expected, name }: (typeof Index.Type)["cases"][number],
) => {
  const schema = Schema.decodeUnknownSync(TableSchema)(json(join(folder, input.schema)))
  const table = tableFromCsv(readFileSync(join(folder, input.table), "utf8"), schema)
  const suite = readSuite(json(join(folder, input.suite)))
  const outcome = evaluateSuite(suite, table, { format: input.result_format })
  const got = decodeResult(JSON.parse(JSON.stringify(gxJson(outcome))))
  const recorded = decodeResult(json(join(folder, expected)))
  const found: Array<string> = []
  let passed = 0
  for (const one of recorded.results) {
    const own = got.results.find((candidate) => caseOf(candidate) === caseOf(one))
    const unequal = own === undefined ? ["there is no result"] : differences(own, one)
    if (unequal.length === 0) passed += 1
    const type = one.expectation_config["type"] ?? one.expectation_config["expectation_type"]
    for (const text of unequal)
      found.push(`${name} case ${String(caseOf(one))} (${String(type)}): ${text}`)
  }
  if (got.success !== recorded.success || !isSame(got.statistics, recorded.statistics))
    found.push(`${name}: statistics ${JSON.stringify(got.statistics)}`)
  return { file: `gx/${expected}`, passed, total: recorded.results.length, differences: found }
}

/**
 * Runs every case of every index in `<root>/gx`; the root is the folder of golden vectors, and
 * without one the project's own are run. `undefined` where the root holds no `gx`.
 *
 * @throws Error when there is no such root.
 */
export const runGolden = (root: string | undefined): ReadonlyArray<GoldenOutcome> | undefined => {
  checkGoldenFolder(root)
  const folder = join(root ?? join(import.meta.dir, "golden"), "gx")
  if (!existsSync(folder)) return undefined
  const indices = readdirSync(folder).filter((name) => /^index.*\.json$/.test(name))
  return indices.flatMap((name) =>
    Schema.decodeUnknownSync(Index)(json(join(folder, name))).cases.map((one) =>
      runCase(folder, one),
    ),
  )
}
