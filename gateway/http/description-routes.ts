// The routes that describe the others.
import { docsPage } from "./docs-page.ts"
import { openApiOf } from "./openapi.ts"
import { operations } from "./operations.ts"
import { jsonResponse } from "./respond.ts"
import { sized } from "./compression.ts"
import type { Route } from "./routes.ts"

/** The page may load and run nothing. */
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
} as const

/** `version` is Weir's own. */
export const descriptionRoutes = (
  served: ReadonlyArray<Route>,
  version: string,
): ReadonlyArray<Route> => {
  const own: ReadonlyArray<Route> = [
    {
      method: "GET",
      access: "open",
      path: "/openapi.json",
      handle: () => jsonResponse(text),
      operation: operations.openapi,
    },
    {
      method: "GET",
      access: "open",
      path: "/docs",
      handle: () => sized(new Response(page, { headers: PAGE_HEADERS }), page),
      operation: operations.docs,
    },
  ]
  const document = openApiOf([...served, ...own], version)
  const text = JSON.stringify(document)
  const page = docsPage(document)
  return own
}
