// Answers in gzip for callers who take it, above a size below which it costs more than it saves.
// What is streamed is never compressed: each event would have to wait for the next.
import { promisify } from "node:util"
import { gzip } from "node:zlib"

const compress = promisify(gzip)

/** Characters of each answer that may be worth it; reading the others just to look costs them. */
const LARGE_MIN_CHARACTERS = 1_024
const large = new WeakMap<Response, number>()

/** Remembers how long the text or the bytes of a response are. */
export const sized = (response: Response, { length }: { readonly length: number }): Response => {
  if (length >= LARGE_MIN_CHARACTERS) large.set(response, length)
  return response
}

/** Whether `Accept-Encoding` takes gzip: named, or by `*`, and not refused by `q=0`. */
export const takesGzip = (accepted: string | null): boolean => {
  if (accepted === null) return false
  const named = new Map<string, boolean>()
  for (const part of accepted.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((word) => word.trim())
    named.set(coding, !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter)))
  }
  return named.get("gzip") ?? named.get("*") ?? false
}

/** The same answer, smaller where its caller takes that. */
export const compressed = (
  request: Request,
  response: Response,
  minCharacters: number,
): Response | Promise<Response> => {
  if ((large.get(response) ?? 0) < minCharacters) return response
  response.headers.append("Vary", "Accept-Encoding")
  if (!takesGzip(request.headers.get("accept-encoding"))) return response
  return withGzip(response)
}

const withGzip = async (response: Response): Promise<Response> => {
  const { status, headers } = response
  const bytes = await compress(await response.arrayBuffer())
  headers.set("Content-Encoding", "gzip")
  return new Response(bytes, { status, headers })
}
