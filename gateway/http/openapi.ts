// The OpenAPI 3.1 document of the routes that are served: made from the same list that answers
// requests, so that it can neither forget a route nor describe one that is not there.
import { Schema } from "effect"
import * as Header from "#proto/headers"
import { Problem } from "./bodies.ts"
import type { Content, Parameter } from "./operations.ts"
import type { Route } from "./routes.ts"
import type { Access } from "../access/caller.ts"
import { CASES, type ErrorCase } from "./status.ts"

type Json = Readonly<Record<string, unknown>>

export interface OpenApi extends Json {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
}

const DEFINITION = "#/$defs/"
const COMPONENT = "#/components/schemas/"

/** Definitions of schemas stand at their root; here they stand among the components. */
const rehomed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(rehomed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      key === "$ref" && typeof part === "string"
        ? part.replace(DEFINITION, COMPONENT)
        : rehomed(part),
    ]),
  )
}

/** Takes schemas in and gives references to them. */
class Components {
  readonly schemas: Record<string, unknown> = {}

  of(schema: Schema.Constraint): unknown {
    const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema)
    for (const [name, definition] of Object.entries(definitions))
      this.schemas[name] = rehomed(definition)
    return rehomed(root)
  }

  content(content: Content): Json {
    return Object.fromEntries(
      Object.entries(content).map(([type, schema]) => [
        type,
        schema === undefined ? {} : { schema: this.of(schema) },
      ]),
    )
  }
}

const parameterOf = ({ name, in: place, about, type, values }: Parameter): Json => ({
  name,
  in: place,
  description: about,
  schema: { type, ...(values === undefined ? {} : { enum: values }) },
})

/** `/v2/models/:model` as `/v2/models/{model}`. */
const templateOf = (path: string): string => path.replace(/:([a-z]+)/g, "{$1}")

const pathParameters = (path: string): ReadonlyArray<Json> =>
  [...path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }))

const GOOD: Readonly<Record<string, string>> = {
  200: "The answer",
  202: "The log holds the request; fetch the answer at `Location`",
}

/** The ways to present a key, by their names in the document. */
const SECURITY_SCHEMES = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "An API key, where this gateway asks for one: predict, read, operate, label are its scopes",
  },
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
    description: "The same key in a header of its own; Authorization comes first",
  },
} as const

/** Each entry is enough, as `suffices` has it. */
const SCOPES_OF: Readonly<Record<Access, ReadonlyArray<ReadonlyArray<string>>>> = {
  open: [],
  predict: [["predict"]],
  read: [["read"]],
  operate: [["operate"]],
  label: [["label"]],
  key: [[]],
  result: [["predict"], ["read"]],
  metrics: [["operate"]],
}

/** Scopes are named as roles, which OpenAPI 3.1 allows for keys too. */
const securityOf = (access: Access): ReadonlyArray<Json> =>
  SCOPES_OF[access].flatMap((scopes) =>
    Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: scopes })),
  )

/** What a route can answer before it is asked. */
const errorsBefore = (access: Access): ReadonlyArray<ErrorCase> => {
  if (access === "open") return ["methodNotAllowed"]
  const keyErrors = ["unauthenticated", "rateLimited", "methodNotAllowed"] as const
  return access === "key" ? keyErrors : ["forbidden", ...keyErrors]
}

const TEXT_HEADER = { schema: { type: "string" } } as const
/** Headers of refusals, by their status. */
const HEADERS_OF: Readonly<Record<number, Json>> = {
  401: { "WWW-Authenticate": TEXT_HEADER },
  405: { Allow: TEXT_HEADER },
  429: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
  503: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
}

const answers = ({ operation, access }: Route, components: Components): Json => {
  const headers = { [Header.REQUEST_ID]: TEXT_HEADER }
  const good = Object.entries(operation.gives).map(([status, content]) => [
    status,
    { description: GOOD[status] ?? "As it is", headers, content: components.content(content) },
  ])
  const words = new Map<number, Array<string>>()
  for (const error of new Set<ErrorCase>([...operation.errors, ...errorsBefore(access)])) {
    const { status, code } = CASES[error]
    words.set(status, [...(words.get(status) ?? []), code])
  }
  const bad = [...words].map(([status, codes]) => [
    `${status}`,
    {
      description: `${codes.join(", ")}${status === 405 ? ", for another method" : ""}`,
      headers: { ...headers, ...HEADERS_OF[status] },
      content: components.content({ "application/json": Problem }),
    },
  ])
  return Object.fromEntries([...good, ...bad])
}

const operationOf = (route: Route, components: Components): Json => {
  const { path, operation, access } = route
  return {
    operationId: operation.name,
    summary: operation.about,
    security: securityOf(access),
    parameters: [...pathParameters(path), ...operation.parameters.map(parameterOf)],
    ...(operation.takes === undefined
      ? {}
      : { requestBody: { required: true, content: components.content(operation.takes) } }),
    responses: answers(route, components),
  }
}

/** `version` is Weir's own. */
export const openApiOf = (routes: ReadonlyArray<Route>, version: string): OpenApi => {
  const components = new Components()
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const path = (paths[route.shown ?? templateOf(route.path)] ??= {})
    path[route.method.toLowerCase()] = operationOf(route, components)
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Weir",
      version,
      description: "Model serving on one durable log: every request, answer and failure is a fact.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { schemas: components.schemas, securitySchemes: SECURITY_SCHEMES },
  }
}
