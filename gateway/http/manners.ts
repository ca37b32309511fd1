// What every answer gets, whatever route it comes from: the caller's request id and trace, leave
// for other origins to read it, and compression.
import * as Header from "#proto/headers"
import { HEAD_LENGTH } from "./body.ts"
import { requestIdOf, traceparentOf } from "./call.ts"
import { compressed } from "./compression.ts"

/** How long a browser remembers what it may send. */
const PREFLIGHT_SECONDS = 600
const ALLOWED_HEADERS = [
  "Authorization",
  "X-API-Key",
  Header.CONTENT_TYPE,
  Header.IDEMPOTENCY_KEY,
  HEAD_LENGTH,
  "Last-Event-ID",
  "Prefer",
  Header.TRACEPARENT,
  Header.TIMEOUT,
  Header.VERSION,
  Header.POSITION,
  Header.REQUEST_ID,
].join(", ")
const EXPOSED_HEADERS = [
  Header.IDEMPOTENT_REPLAYED,
  HEAD_LENGTH,
  "Location",
  "Preference-Applied",
  "Retry-After",
  Header.TRACEPARENT,
  Header.ID,
  Header.POSITION,
  Header.VERSION,
  Header.REQUEST_ID,
].join(", ")

export interface MannersOptions {
  /** Origins whose pages may read answers; `*` for any; none by default. */
  readonly origins: ReadonlySet<string>
  /** Answers of fewer characters are not compressed. */
  readonly compressMinCharacters: number
  /** An id for a request that came without one. */
  readonly newRequestId: () => string
}

export interface Manners {
  /** Adds what every answer has. */
  readonly finish: (request: Request, response: Response) => Response | Promise<Response>
  /** Answers a page of another origin that asks before it sends; undefined where it may not. */
  readonly preflight: (request: Request, allow: string) => Response | undefined
}

/** The origins of a setting: with commas between them. */
export const originsOf = (setting: string): ReadonlySet<string> =>
  new Set(
    setting
      .split(",")
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ""),
  )

export const makeManners = (options: MannersOptions): Manners => {
  const { origins, compressMinCharacters, newRequestId } = options

  const allowed = (request: Request): string | undefined => {
    if (origins.has("*")) return "*"
    const origin = request.headers.get("origin") ?? ""
    return origins.has(origin) ? origin : undefined
  }

  return {
    finish: (request, response) => {
      const { headers } = response
      headers.set(Header.REQUEST_ID, requestIdOf(request.headers) ?? newRequestId())
      const traceparent = traceparentOf(request.headers)
      if (traceparent !== undefined) headers.set(Header.TRACEPARENT, traceparent)
      if (origins.size > 0) {
        const origin = allowed(request)
        if (origin !== "*") headers.append("Vary", "Origin")
        if (origin !== undefined) {
          headers.set("Access-Control-Allow-Origin", origin)
          headers.set("Access-Control-Expose-Headers", EXPOSED_HEADERS)
        }
      }
      return compressed(request, response, compressMinCharacters)
    },
    preflight: (request, allow) => {
      if (request.headers.get("access-control-request-method") === null) return undefined
      if (origins.size === 0 || allowed(request) === undefined) return undefined
      const headers = {
        Allow: allow,
        "Access-Control-Allow-Methods": allow,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": `${PREFLIGHT_SECONDS}`,
      }
      return new Response(null, { status: 204, headers })
    },
  }
}
