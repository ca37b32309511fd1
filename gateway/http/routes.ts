// Every route in one place: methods, patterns and what each answers. Requests that no route takes
// get JSON all the same.
import { Elysia } from "elysia"
import { reasonOf, type Logger } from "#core/service/logger"
import type { Guard } from "../access/auth.ts"
import type { Access, Caller } from "../access/caller.ts"
import type { Manners } from "./manners.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { Operation } from "./operations.ts"
import type { RequestLog } from "./request-log.ts"
import type { Responder } from "./respond.ts"
import type { GatewayTraces } from "./spans.ts"
import { refuse, type Refusal } from "./status.ts"

export type Params = Readonly<Record<string, string>>
/** What is known of a request besides itself. */
export interface Context {
  readonly caller: Caller
}
export type Handler = (
  request: Request,
  params: Params,
  context: Context,
) => Response | Promise<Response>

export interface Route {
  readonly method: "GET" | "POST"
  readonly path: string
  /** The path as a template, where what follows a parameter is part of it. */
  readonly shown?: string
  /** What its callers must be allowed. */
  readonly access: Access
  readonly handle: Handler
  /** What the OpenAPI document says of it. */
  readonly operation: Operation
}

export interface AppOptions {
  readonly routes: ReadonlyArray<Route>
  readonly guard: Guard
  readonly responder: Responder
  readonly manners: Manners
  readonly metrics: GatewayMetrics
  readonly traces: GatewayTraces | undefined
  readonly requestLog: RequestLog
  readonly logger: Logger
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** While true, connections are closed after their answer. */
  readonly draining: () => boolean
}

const UNKNOWN_ROUTE = "other"
const CHALLENGE = { "WWW-Authenticate": 'Bearer realm="weir"' } as const
const UNKNOWN_PARAMS: Params = {}
/** Bodies are read by those who know how large they may be. */
const RAW = { parse: "none" } as const

/** `/v2/models/:model` as an expression that takes exactly its paths. */
const expressionOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/:[a-z]+/g, "[^/]+")}/?$`)

/** Paths with the methods that they know, for 405. */
const methodTable = (routes: ReadonlyArray<Route>) => {
  const table = new Map<string, { readonly expression: RegExp; readonly methods: Set<string> }>()
  for (const { method, path } of routes) {
    const entry = table.get(path) ?? {
      expression: expressionOf(path),
      methods: new Set(["OPTIONS"]),
    }
    entry.methods.add(method)
    if (method === "GET") entry.methods.add("HEAD")
    table.set(path, entry)
  }
  return table
}

/** Extensions of other servers that stock clients ask for: shared memory, traces, logs. */
const UNSUPPORTED_PATH =
  /^\/v2\/(?:(?:system|cuda)sharedmemory|trace|logging|models\/[^/]+\/trace)(?:\/|$)/

const pathOf = (request: Request): string => {
  const start = request.url.indexOf("/", request.url.indexOf("://") + 3)
  const end = request.url.indexOf("?", start)
  return request.url.slice(start, end === -1 ? undefined : end)
}

/** Answers what no route takes: another method of a known path, or an unknown path. */
const makeUnrouted = ({
  routes,
  responder,
  manners,
  metrics,
}: Pick<AppOptions, "routes" | "responder" | "manners" | "metrics">) => {
  const known = methodTable(routes)
  return (request: Request): Response => {
    const path = pathOf(request)
    for (const [route, { expression, methods }] of known) {
      if (!expression.test(path)) continue
      const allow = [...methods].toSorted().join(", ")
      const response =
        request.method === "OPTIONS"
          ? (manners.preflight(request, allow) ??
            new Response(null, { status: 204, headers: { Allow: allow } }))
          : responder.refused(
              refuse("methodNotAllowed", `${request.method}: expected one of ${allow}`, { allow }),
            )
      metrics.answered(request.method, route, response.status, 0)
      return response
    }
    const response = responder.refused(
      UNSUPPORTED_PATH.test(path)
        ? refuse("unsupported", `${path.slice(0, 80)}: this server does not have this extension`)
        : refuse("unknownRoute", `no such path: ${path.slice(0, 80)}`),
    )
    metrics.answered(request.method, UNKNOWN_ROUTE, response.status, 0)
    return response
  }
}

/** What Elysia could not decode it passes on as null, whatever its types say. */
const undecodable = (params: Params): Refusal | undefined => {
  for (const name in params)
    if (typeof params[name] !== "string")
      return refuse("invalid", `${name}: expected UTF-8, percent-encoded, got other bytes`)
  return undefined
}

type Guarded = (route: Route, request: Request, params: Params) => Promise<Response>

/**
 * The parameters are named so that Elysia sees what the handler needs and prepares nothing else.
 */
const mount = (app: Elysia, route: Route, guarded: Guarded): void => {
  const { method, path } = route
  if (path.includes(":"))
    app.route(method, path, ({ request, params }) => guarded(route, request, params), RAW)
  else app.route(method, path, ({ request }) => guarded(route, request, UNKNOWN_PARAMS), RAW)
}

export const makeApp = (options: AppOptions) => {
  const { routes, guard, responder, manners, metrics, traces, requestLog } = options
  const { logger, now, draining } = options
  const { refused } = responder
  const handled = (route: Route, request: Request, params: Params) => {
    const caller = guard.admit(route.access, request.headers)
    if (!("kind" in caller)) {
      const wrong = undecodable(params)
      return wrong === undefined ? route.handle(request, params, { caller }) : refused(wrong)
    }
    metrics.callerRefused(caller.error)
    const challenge = caller.error === "unauthenticated" ? CHALLENGE : {}
    return refused(caller, challenge)
  }
  const guarded = async (route: Route, request: Request, params: Params): Promise<Response> => {
    const begun = now()
    const span = traces?.begin(request.headers)
    let response: Response
    try {
      response = await handled(route, request, params)
    } catch (cause) {
      logger.error("a request failed by a defect", { route: route.path, reason: reasonOf(cause) })
      response = responder.refused(refuse("internal", "the gateway failed on this request"))
    }
    if (draining()) response.headers.set("Connection", "close")
    const millis = now() - begun
    const { method } = request
    metrics.answered(method, route.path, response.status, millis / 1_000)
    const finished = manners.finish(request, response)
    span?.end(method, route.path, response)
    requestLog.answered(method, route.path, params["model"] ?? "", response, millis)
    return finished
  }

  const unrouted = makeUnrouted(options)
  // The "standard" way finds no path behind host names of less than four characters.
  const app = new Elysia({ precompile: true, handler: { standardHostname: false } })
  app.onError(({ code, error, request }) => {
    if (code === "NOT_FOUND") return manners.finish(request, unrouted(request))
    logger.error("a request failed by a defect", { reason: reasonOf(error) })
    const response = responder.refused(refuse("internal", "the gateway failed on this request"))
    return manners.finish(request, response)
  })
  for (const route of routes) mount(app, route, guarded)
  return app
}
