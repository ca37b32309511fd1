// Reads golden vectors (the answers of reference tools): their encoding of NaN and infinity,
// their seeded recipes and their tolerances. Only tests use it; it knows no statistic.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"

const GoldenCase = Schema.Struct({
  name: Schema.String,
  input: Schema.Record(Schema.String, Schema.Unknown),
  expected: Schema.Record(Schema.String, Schema.Unknown),
  tolerance: Schema.optional(Schema.Record(Schema.String, Schema.Unknown)),
  tolerance_asymp: Schema.optional(Schema.Record(Schema.String, Schema.Unknown)),
})
type Fields = Readonly<Record<string, unknown>>
export type GoldenCase = typeof GoldenCase.Type
const GoldenFile = Schema.Struct({ cases: Schema.Array(GoldenCase) })

const Recipe = Schema.Struct({
  kind: Schema.Literals(["uniform", "sum12", "square", "floor", "round"]),
  seed: Schema.Number,
  n: Schema.Number,
  a: Schema.Number,
  b: Schema.Number,
  c: Schema.optional(Schema.Number),
})
const Recipes = Schema.Array(Recipe)
const Holder = Schema.Struct({ recipe: Recipe })

const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const draw = (recipe: typeof Recipe.Type): Float64Array => {
  const { a, b, c = 1 } = recipe
  const next = mulberry32(recipe.seed)
  const values = {
    uniform: () => a + b * next(),
    sum12: () => {
      let sum = 0
      for (let i = 0; i < 12; i++) sum += next()
      return a + b * (sum - 6)
    },
    square: () => {
      const u = next()
      return a + b * (u * u)
    },
    floor: () => a + Math.floor(b * next()),
    round: () => Math.floor((a + b * next()) * c) / c,
  }[recipe.kind]
  return Float64Array.from({ length: recipe.n }, values)
}

const number = (value: unknown): number => (value === "NaN" || value === null ? NaN : Number(value))

/** A sample: a list of numbers (NaN and infinities as strings, null as NaN) or a seeded recipe. */
export const sample = (value: unknown): Float64Array => {
  if (Array.isArray(value)) return Float64Array.from(value, number)
  return draw(Schema.decodeUnknownSync(Holder)(value).recipe)
}

/** A stream: recipe parts drawn one after the other. */
export const stream = (value: unknown): Float64Array =>
  Float64Array.from(Schema.decodeUnknownSync(Recipes)(value).flatMap((part) => [...draw(part)]))

const Rows = Schema.Array(Schema.Array(Schema.Number))
export const rows = (value: unknown) => Schema.decodeUnknownSync(Rows)(value)
const Value = Schema.Union([Schema.String, Schema.Number, Schema.Boolean])
const Column = Schema.Array(Schema.NullOr(Value))
export const column = (value: unknown) => Schema.decodeUnknownSync(Column)(value)

/** The answer of `solve`, or its message under `error` where it throws. */
export const attempt = (solve: () => unknown): unknown => {
  try {
    return solve()
  } catch (cause) {
    return { error: String(cause) }
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value)

const elements = (value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  return value instanceof Float64Array || value instanceof Float32Array ? Array.from(value) : []
}

const isTolerance = (value: unknown): value is { readonly abs?: number; readonly rel?: number } =>
  isFields(value) && (typeof value["abs"] === "number" || typeof value["rel"] === "number")

/** What the maker of the vectors noted about a case; no result of a test. */
const NOTES = new Set(["warning", "smallest_gap_to_observed"])

interface Context {
  readonly fields: Fields
  readonly asymptotic: Fields | undefined
  readonly leaf: { readonly abs?: number; readonly rel?: number } | undefined
}

const agrees = (got: unknown, expected: unknown, leaf: Context["leaf"]): boolean => {
  if (typeof expected === "boolean" || expected === null) return got === expected
  const want = number(expected)
  if (typeof expected === "string" && Number.isNaN(want) && expected !== "NaN")
    return got === expected
  if (typeof got !== "number") return false
  if (Object.is(got, want) || got === want) return true
  const allowed = Math.max(leaf?.abs ?? 0, (leaf?.rel ?? 0) * Math.abs(want))
  return Number.isFinite(want) && Math.abs(got - want) <= allowed
}

const inside = (context: Context, key: string, got: unknown): Context => {
  const entry = context.fields[key]
  // A result that says it fell back to the asymptotic law is held to that law's tolerance.
  const asymptotic = isFields(got) && got["method"] === "asymptotic"
  const fields = asymptotic ? { ...context.fields, ...context.asymptotic } : context.fields
  if (isTolerance(entry)) return { ...context, fields, leaf: entry }
  return isFields(entry) ? { ...context, fields: entry } : { ...context, fields }
}

/** Whether an answer is an error, or holds one for each mode of a test. */
const failedSomewhere = (got: unknown): boolean =>
  isFields(got) && (typeof got["error"] === "string" || Object.values(got).some(failedSomewhere))

/** Where the answer differs from what is expected, as `path: got, expected`; empty if nowhere. */
const differences = (
  got: unknown,
  expected: unknown,
  path: string,
  context: Context,
): ReadonlyArray<string> => {
  if (isFields(expected))
    return Object.entries(expected).flatMap(([key, value]) => {
      if (NOTES.has(key)) return []
      const found = isFields(got) ? got[key] : undefined
      if (key === "error")
        return failedSomewhere(got) ? [] : [`${path}: an error was expected (${value})`]
      return differences(found, value, `${path}.${key}`, inside(context, key, found))
    })
  if (Array.isArray(expected)) {
    const list = elements(got)
    if (list.length !== expected.length)
      return [`${path}: ${list.length} elements, ${expected.length} expected`]
    return expected.flatMap((value, i) => differences(list[i], value, `${path}[${i}]`, context))
  }
  return agrees(got, expected, context.leaf) ? [] : [`${path}: ${got}, expected ${expected}`]
}

type Solve = (input: Fields, vector: GoldenCase) => unknown

/** How many cases a file of vectors has, and what differs, by the name of the case. */
export const solveVectors = (
  path: string,
  solve: Solve,
): { readonly cases: number; readonly failed: ReadonlyArray<string> } => {
  const { cases } = Schema.decodeUnknownSync(GoldenFile)(JSON.parse(readFileSync(path, "utf8")))
  const failed = cases.flatMap((vector) => {
    const context = {
      fields: vector.tolerance ?? {},
      asymptotic: vector.tolerance_asymp,
      leaf: undefined,
    }
    const got = attempt(() => solve(vector.input, vector))
    const differing = differences(got, vector.expected, vector.name, context)
    const thrown = isFields(got) && typeof got["error"] === "string" ? ` (${got["error"]})` : ""
    return differing.length === 0 ? [] : [`${differing.slice(0, 3).join("; ")}${thrown}`]
  })
  return { cases: cases.length, failed }
}

/**
 * Solves every case of a golden file, prints how many passed and returns what differs. The
 * project's own copy is read unless another folder of the same form is given.
 */
export const golden = (
  file: string,
  folder: string | undefined,
  solve: Solve,
): ReadonlyArray<string> => {
  const path = join(folder ?? join(import.meta.dir, "golden"), file)
  const { cases, failed } = solveVectors(path, solve)
  console.log(`golden ${file}: ${cases - failed.length} of ${cases} passed`)
  return failed
}
