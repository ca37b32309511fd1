// For tests of this folder: servers that are wrong on purpose, one that says yes to everything and
// one that passes on to a right server and spoils its answers.
import { isRecord, readJson, writeJson, type Json } from "./json.ts"

export interface WrongServer {
  readonly url: string
  readonly stop: () => Promise<void>
}

const serve = (answer: (request: Request) => Promise<Response> | Response): WrongServer => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer })
  return { url: server.url.href, stop: () => server.stop(true) }
}

/** 200 and `{}`, whatever is asked. */
export const yesServer = (): WrongServer => serve(() => Response.json({}))

type Spoil = (body: Json) => Json

/** Passes on; of good answers in JSON those of inference are spoilt. */
export const spoilingServer = (right: string, spoil: Spoil): WrongServer =>
  serve(async (request) => {
    const { pathname, search } = new URL(request.url)
    const answer = await fetch(`${right}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body: request.body === null ? null : await request.bytes(),
      decompress: false,
    })
    const bytes = await answer.bytes()
    const headers = new Headers(answer.headers)
    headers.delete("content-length")
    const isJson = headers.get("content-type")?.startsWith("application/json") ?? false
    const isSpoilt = answer.status === 200 && pathname.endsWith("/infer") && isJson
    if (!isSpoilt || headers.has("content-encoding"))
      return new Response(bytes, { status: answer.status, headers })
    const body = readJson(new TextDecoder().decode(bytes))
    return new Response(writeJson(isRecord(body) ? spoil(body) : body), { headers })
  })

/** Each output has the data and the shape of the next one. */
export const swapOutputs: Spoil = (body) => {
  const given: ReadonlyArray<unknown> = Array.isArray(body["outputs"]) ? body["outputs"] : []
  const outputs = given.filter(isRecord)
  const swapped = outputs.map((output, at) => {
    const { data, shape } = outputs[(at + 1) % outputs.length] ?? output
    return { ...output, data, shape }
  })
  return { ...body, outputs: swapped }
}

export const forgetId: Spoil = ({ id: _, ...body }) => body

export const roundIntegers: Spoil = (body) => {
  const given: ReadonlyArray<unknown> = Array.isArray(body["outputs"]) ? body["outputs"] : []
  const rounded = given.filter(isRecord).map((output) => {
    const data: ReadonlyArray<unknown> = Array.isArray(output["data"]) ? output["data"] : []
    return { ...output, data: data.map((one) => (typeof one === "bigint" ? Number(one) : one)) }
  })
  return { ...body, outputs: rounded }
}
