// Answers in gzip or deflate for callers who take it, above a size below which it costs more than
// it saves. What is streamed is never compressed: each event would have to wait for the next.
import { promisify } from "node:util"
import { deflate, gzip } from "node:zlib"

const toGzip = promisify(gzip)
const toZlib = promisify(deflate)

/** Characters of each answer that may be worth it; reading the others just to look costs them. */
const LARGE_MIN_CHARACTERS = 1_024
const large = new WeakMap<Response, number>()

/** Remembers how long the text or the bytes of a response are. */
export const sized = (response: Response, { length }: { readonly length: number }): Response => {
  if (length >= LARGE_MIN_CHARACTERS) large.set(response, length)
  return response
}

const CODINGS = ["gzip", "deflate"] as const
export type AnswerCoding = (typeof CODINGS)[number]

const PREFERENCE = /^q=([01](?:\.\d{0,3})?)$/

/** The weight of each coding that `Accept-Encoding` names; what says no weight has 1. */
const weightsOf = (accepted: string): ReadonlyMap<string, number> => {
  const weights = new Map<string, number>()
  for (const part of accepted.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((word) => word.trim())
    const weight = parameters.map((parameter) => PREFERENCE.exec(parameter)?.[1]).find(Boolean)
    weights.set(coding, weight === undefined ? 1 : Number(weight))
  }
  return weights
}

/** The coding that `Accept-Encoding` takes, by name or by `*`; gzip where it takes both alike. */
export const codingFor = (accepted: string | null): AnswerCoding | undefined => {
  if (accepted === null) return undefined
  const weights = weightsOf(accepted)
  let best: AnswerCoding | undefined
  let most = 0
  for (const coding of CODINGS) {
    const weight = weights.get(coding) ?? weights.get("*") ?? 0
    if (weight > most) [best, most] = [coding, weight]
  }
  return best
}

/** The same answer, smaller where its caller takes that. */
export const compressed = (
  request: Request,
  response: Response,
  minCharacters: number,
): Response | Promise<Response> => {
  if ((large.get(response) ?? 0) < minCharacters) return response
  response.headers.append("Vary", "Accept-Encoding")
  const coding = codingFor(request.headers.get("accept-encoding"))
  return coding === undefined ? response : packed(response, coding)
}

const packed = async (response: Response, coding: AnswerCoding): Promise<Response> => {
  const { status, headers } = response
  const whole = await response.arrayBuffer()
  const bytes = coding === "gzip" ? await toGzip(whole) : await toZlib(whole)
  headers.set("Content-Encoding", coding)
  return new Response(bytes, { status, headers })
}
