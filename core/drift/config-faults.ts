// What is wrong with a drift configuration, in sentences: the key, what was expected there and what
// came. Where one of several shapes is allowed, it is that one whose keys were written.
import { Result, Schema, type SchemaAST, SchemaIssue, SchemaParser } from "effect"
import { DriftConfig } from "./config-schema.ts"

type Path = ReadonlyArray<PropertyKey>

const OPTIONS = { onExcessProperty: "error", errors: "all", reportInput: true } as const
/** Every name of a test fits in; a file that was never meant to be a configuration is cut short. */
const LENGTH_MAX = 600

const fault = (path: Path, words: string): string => {
  const key = path
    .map((one, at) =>
      typeof one === "number" ? `[${one}]` : `${at === 0 ? "" : "."}${String(one)}`,
    )
    .join("")
  const text = `${key === "" ? "" : `${key}: `}${words}`
  return text.length <= LENGTH_MAX ? text : `${text.slice(0, LENGTH_MAX)} …`
}

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

const shown = (input: unknown): string => (input === undefined ? "nothing" : JSON.stringify(input))

const namesOf = ({ propertySignatures }: SchemaAST.Objects): ReadonlyArray<string> =>
  propertySignatures.map(({ name }) => String(name))

const shapeOf = (ast: SchemaAST.AST): string => {
  switch (ast._tag) {
    case "Literal":
      return shown(ast.literal)
    case "Union":
      return listed(ast.types.map(shapeOf))
    case "Objects":
      return `{ ${namesOf(ast).join(", ")} }`
    default:
      return `a ${ast._tag.toLowerCase()}`
  }
}

const format = SchemaIssue.makeFormatterDefault()
const said = (issue: SchemaIssue.Issue): string => {
  const text = format(issue)
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`
}

const isRecord = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === "object" && input !== null && !Array.isArray(input)

const literalOf = ({ propertySignatures }: SchemaAST.Objects, key: string): unknown => {
  const type = propertySignatures.find(({ name }) => name === key)?.type
  return type?._tag === "Literal" ? type.literal : undefined
}

/** The shapes that are meant by what was written, as far as that tells. */
const meantOf = (
  shapes: ReadonlyArray<SchemaAST.Objects>,
  input: Readonly<Record<string, unknown>>,
): ReadonlyArray<SchemaAST.Objects> => {
  const keys = Object.keys(input)
  const known = shapes.map((shape) => namesOf(shape).filter((name) => keys.includes(name)).length)
  const most = Math.max(...known)
  return shapes.filter((_, at) => known[at] === most)
}

const faultsOfUnion = (
  { ast, issues, ...issue }: SchemaIssue.AnyOf,
  path: Path,
): ReadonlyArray<string> => {
  const input = "input" in issue ? issue.input : undefined
  const shapes = ast.types.filter((one) => one._tag === "Objects")
  const [first] = shapes
  if (first === undefined || !isRecord(input)) {
    const within = issues.flatMap((one) => faultsOf(one, path))
    return within.length > 0
      ? within
      : [fault(path, `expected ${shapeOf(ast)}, got ${shown(input)}`)]
  }
  const telling = namesOf(first).find((key) =>
    shapes.every((shape) => literalOf(shape, key) !== undefined),
  )
  const meant =
    telling === undefined
      ? meantOf(shapes, input)
      : shapes.filter((shape) => literalOf(shape, telling) === input[telling])
  const [one, ...others] = meant
  if (one !== undefined && others.length === 0) return faultsIn(Schema.make(one), input, path)
  if (telling === undefined) return [fault(path, `expected ${shapeOf(ast)}, got ${shown(input)}`)]
  const words = listed(shapes.map((shape) => shown(literalOf(shape, telling))))
  return [fault([...path, telling], `expected ${words}, got ${shown(input[telling])}`)]
}

const faultsOf = (issue: SchemaIssue.Issue, path: Path): ReadonlyArray<string> => {
  switch (issue._tag) {
    case "Pointer":
      return faultsOf(issue.issue, [...path, ...issue.path])
    case "Composite":
      return issue.issues.flatMap((one) => faultsOf(one, path))
    case "AnyOf":
      return faultsOfUnion(issue, path)
    case "Filter":
      return issue.issue._tag === "Pointer"
        ? faultsOf(issue.issue, path)
        : [fault(path, said(issue))]
    case "MissingKey":
      return [fault(path, "expected a value, got nothing")]
    case "UnexpectedKey": {
      const names = issue.ast._tag === "Objects" ? listed(namesOf(issue.ast)) : "no key"
      return [fault(path.slice(0, -1), `expected ${names}, got the key "${String(path.at(-1))}"`)]
    }
    default:
      return [fault(path, said(issue))]
  }
}

const faultsIn = (
  schema: Schema.Decoder<unknown>,
  input: unknown,
  path: Path,
): ReadonlyArray<string> => {
  const decoded = SchemaParser.decodeUnknownResult(schema, OPTIONS)(input)
  return Result.isFailure(decoded) ? faultsOf(decoded.failure, path) : []
}

/** The configuration, or every mistake in it with its key. */
export const checkConfig = (input: unknown): Result.Result<DriftConfig, ReadonlyArray<string>> =>
  Result.mapError(SchemaParser.decodeUnknownResult(DriftConfig, OPTIONS)(input), (issue) =>
    faultsOf(issue, []),
  )
