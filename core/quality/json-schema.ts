// Whether a JSON value fits a JSON Schema (drafts 4 to 2020-12, without remote references). As in
// Python's jsonschema, formats are not checked and unknown words say nothing.
import { isDeepStrictEqual } from "node:util"
import { pythonRegex, type Pattern } from "./python-regex.ts"

/** The schema is none, or needs a document that is not at hand. */
export class SchemaRefused extends Error {
  override readonly name = "SchemaRefused"
}

type Json = Readonly<Record<string, unknown>>
type Test = (value: unknown) => boolean

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const isNumber = (value: unknown): value is number => typeof value === "number"
const isText = (value: unknown): value is string => typeof value === "string"
const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const TYPES: Readonly<Record<string, Test>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  object: isObject,
  array: isList,
  number: isNumber,
  integer: (value) => Number.isInteger(value),
  string: isText,
}

const MULTIPLE_TOLERANCE = 1e-9
const isMultiple = (value: number, of: number): boolean => {
  const ratio = value / of
  return Math.abs(ratio - Math.round(ratio)) < MULTIPLE_TOLERANCE
}

const numberWord = (of: unknown, holds: (value: number, limit: number) => boolean): Test => {
  if (!isNumber(of)) throw new SchemaRefused(`${String(of)} is not a number`)
  return (value) => !isNumber(value) || holds(value, of)
}

const sizeWord = (
  of: unknown,
  size: (value: unknown) => number | undefined,
  holds: (size: number, limit: number) => boolean,
): Test => {
  if (!isNumber(of)) throw new SchemaRefused(`${String(of)} is not a number`)
  return (value) => {
    const own = size(value)
    return own === undefined || holds(own, of)
  }
}

const atMost = (size: number, limit: number): boolean => size <= limit
const atLeast = (size: number, limit: number): boolean => size >= limit
const textSize = (value: unknown) => (isText(value) ? [...value].length : undefined)
const listSize = (value: unknown) => (isList(value) ? value.length : undefined)
const keyCount = (value: unknown) => (isObject(value) ? Object.keys(value).length : undefined)

type Words = Readonly<Record<string, (of: unknown, schema: Json, root: Root) => Test>>

/** The document and what of it was compiled, so that a reference may lead back to where it is. */
interface Root {
  readonly schema: unknown
  readonly compiled: Map<string, Test>
}

const list = (of: unknown, word: string): ReadonlyArray<unknown> => {
  if (!isList(of)) throw new SchemaRefused(`${word} must be a list`)
  return of
}
const object = (of: unknown, word: string): Json => {
  if (!isObject(of)) throw new SchemaRefused(`${word} must be an object`)
  return of
}

const strictly = (schema: Json, word: string): boolean => schema[word] === true

const scalarWords: Words = {
  type: (of) => {
    const tests = (isList(of) ? of : [of]).map((name) => {
      const test = isText(name) ? TYPES[name] : undefined
      if (test === undefined) throw new SchemaRefused(`unknown type ${JSON.stringify(name)}`)
      return test
    })
    return (value) => tests.some((test) => test(value))
  },
  enum: (of) => {
    const values = list(of, "enum")
    return (value) => values.some((one) => isDeepStrictEqual(one, value))
  },
  const: (of) => (value) => isDeepStrictEqual(of, value),
  minimum: (of, schema) =>
    numberWord(of, (value, limit) =>
      strictly(schema, "exclusiveMinimum") ? value > limit : value >= limit,
    ),
  maximum: (of, schema) =>
    numberWord(of, (value, limit) =>
      strictly(schema, "exclusiveMaximum") ? value < limit : value <= limit,
    ),
  exclusiveMinimum: (of) =>
    typeof of === "boolean" ? () => true : numberWord(of, (value, limit) => value > limit),
  exclusiveMaximum: (of) =>
    typeof of === "boolean" ? () => true : numberWord(of, (value, limit) => value < limit),
  multipleOf: (of) => numberWord(of, isMultiple),
  minLength: (of) => sizeWord(of, textSize, atLeast),
  maxLength: (of) => sizeWord(of, textSize, atMost),
  pattern: (of) => {
    const pattern = pythonRegex(String(of))
    return (value) => !isText(value) || pattern.test(value)
  },
  minItems: (of) => sizeWord(of, listSize, atLeast),
  maxItems: (of) => sizeWord(of, listSize, atMost),
  minProperties: (of) => sizeWord(of, keyCount, atLeast),
  maxProperties: (of) => sizeWord(of, keyCount, atMost),
  uniqueItems: (of) => (value) =>
    of !== true ||
    !isList(value) ||
    value.every((one, i) => !value.slice(0, i).some((other) => isDeepStrictEqual(one, other))),
  required: (of) => {
    const names = list(of, "required").map(String)
    return (value) => !isObject(value) || names.every((name) => Object.hasOwn(value, name))
  },
}

const itemWords: Words = {
  items: (of, schema, root) => {
    const heads = isList(of) ? of : isList(schema["prefixItems"]) ? schema["prefixItems"] : []
    const rest = isList(of) ? schema["additionalItems"] : of
    const tests = heads.map((one) => compile(one, root))
    const other = rest === undefined ? () => true : compile(rest, root)
    return (value) => !isList(value) || value.every((item, i) => (tests[i] ?? other)(item))
  },
  prefixItems: (of, _, root) => {
    const tests = list(of, "prefixItems").map((one) => compile(one, root))
    return (value) => !isList(value) || value.every((item, i) => tests[i]?.(item) ?? true)
  },
  contains: (of, _, root) => {
    const test = compile(of, root)
    return (value) => !isList(value) || value.some(test)
  },
}

const propertyTests = (of: unknown, root: Root): ReadonlyMap<string, Test> =>
  new Map(Object.entries(object(of, "properties")).map(([name, one]) => [name, compile(one, root)]))

const patternTests = (of: unknown, root: Root): ReadonlyArray<readonly [Pattern, Test]> =>
  Object.entries(object(of ?? {}, "patternProperties")).map(([pattern, one]) => [
    pythonRegex(pattern),
    compile(one, root),
  ])

const propertyWords: Words = {
  properties: (of, _, root) => {
    const tests = propertyTests(of, root)
    return (value) =>
      !isObject(value) ||
      [...tests].every(([name, test]) => !Object.hasOwn(value, name) || test(value[name]))
  },
  patternProperties: (of, _, root) => {
    const tests = patternTests(of, root)
    return (value) =>
      !isObject(value) ||
      Object.entries(value).every(([name, one]) =>
        tests.every(([pattern, test]) => !pattern.test(name) || test(one)),
      )
  },
  additionalProperties: (of, schema, root) => {
    const test = compile(of, root)
    const named = new Set(Object.keys(object(schema["properties"] ?? {}, "properties")))
    const patterns = patternTests(schema["patternProperties"], root).map(([pattern]) => pattern)
    return (value) =>
      !isObject(value) ||
      Object.entries(value).every(
        ([name, one]) =>
          named.has(name) || patterns.some((pattern) => pattern.test(name)) || test(one),
      )
  },
  propertyNames: (of, _, root) => {
    const test = compile(of, root)
    return (value) => !isObject(value) || Object.keys(value).every(test)
  },
  dependencies: (of, _, root) => {
    const tests = Object.entries(object(of, "dependencies")).map(([name, one]) => {
      const test = compile(isList(one) ? { required: one } : one, root)
      return [name, test] as const
    })
    return (value) =>
      !isObject(value) || tests.every(([name, test]) => !Object.hasOwn(value, name) || test(value))
  },
}

const each = (of: unknown, word: string, root: Root): ReadonlyArray<Test> =>
  list(of, word).map((one) => compile(one, root))

const logicWords: Words = {
  allOf: (of, _, root) => {
    const tests = each(of, "allOf", root)
    return (value) => tests.every((test) => test(value))
  },
  anyOf: (of, _, root) => {
    const tests = each(of, "anyOf", root)
    return (value) => tests.some((test) => test(value))
  },
  oneOf: (of, _, root) => {
    const tests = each(of, "oneOf", root)
    return (value) => tests.filter((test) => test(value)).length === 1
  },
  not: (of, _, root) => {
    const test = compile(of, root)
    return (value) => !test(value)
  },
  if: (of, schema, root) => {
    const test = compile(of, root)
    const then = compile(schema["then"] ?? true, root)
    const otherwise = compile(schema["else"] ?? true, root)
    return (value) => (test(value) ? then(value) : otherwise(value))
  },
  $ref: (of, _, root) => reference(String(of), root),
}

const WORDS: Words = {
  ...scalarWords,
  ...itemWords,
  ...propertyWords,
  dependentSchemas: (of, schema, root) => propertyWords["dependencies"]!(of, schema, root),
  dependentRequired: (of, schema, root) => propertyWords["dependencies"]!(of, schema, root),
  ...logicWords,
}

const reference = (pointer: string, root: Root): Test => {
  if (!pointer.startsWith("#")) throw new SchemaRefused(`$ref "${pointer}" is not in the schema`)
  const steps = pointer.slice(1).split("/").slice(1)
  let target: unknown = root.schema
  for (const step of steps) {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")
    target = isObject(target) || isList(target) ? Reflect.get(target, name) : undefined
  }
  if (target === undefined) throw new SchemaRefused(`$ref "${pointer}" leads nowhere`)
  const known = root.compiled.get(pointer)
  if (known !== undefined) return known
  root.compiled.set(pointer, (value) => test(value))
  const test = compile(target, root)
  return test
}

const compile = (schema: unknown, root: Root): Test => {
  if (typeof schema === "boolean") return () => schema
  const words = object(schema, "a schema")
  const tests = Object.entries(words).flatMap(([word, of]) => {
    const build = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
    return build === undefined ? [] : [build(of, words, root)]
  })
  return (value) => tests.every((test) => test(value))
}

/** @throws SchemaRefused */
export const jsonSchemaTest = (schema: unknown): Test =>
  compile(schema, { schema, compiled: new Map() })
