// The body of a request as text, within its limit. Bytes are counted while they come, so that a
// body of unknown length is refused as early as one that says how long it is.
import { CONTENT_TYPE } from "#proto/headers"
import { tooManyBytes, type Share } from "../inference/in-flight.ts"
import { refuse, type Refusal } from "./status.ts"

/**
 * `application/json`, what is written like it, and what `curl -d` calls everything. Parameters
 * other than the character set do not matter.
 */
const JSON_CONTENT_TYPE =
  /^application\/(?:(?:[a-z0-9._-]+\+)*json|x-www-form-urlencoded)\s*(?:;|$)/i
const CHARACTER_SET = /;\s*charset\s*=\s*"?([^";\s]+)/i
const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii"])

const utf8 = new TextDecoder("utf-8", { fatal: true })

const tooLarge = (limit: number, got: string): Refusal =>
  refuse("tooLarge", `body: expected at most ${limit} bytes, got ${got}`)

const checkContentType = (type: string | null): Refusal | undefined => {
  // Clients of the Open Inference Protocol send none at all.
  if (type === null || type === "" || type === "application/json") return undefined
  const expected = `${CONTENT_TYPE}: expected application/json`
  if (!JSON_CONTENT_TYPE.test(type))
    return refuse("unsupportedMediaType", `${expected}, got "${type.slice(0, 80)}"`)
  const set = CHARACTER_SET.exec(type)?.[1]?.toLowerCase() ?? "utf-8"
  if (UTF8_NAMES.has(set)) return undefined
  return refuse("unsupportedMediaType", `${expected} in UTF-8, got "${set.slice(0, 80)}"`)
}

export const checkEncoding = (headers: Headers): Refusal | undefined => {
  const encoding = headers.get("content-encoding")
  if (encoding === null || encoding === "" || encoding.toLowerCase() === "identity")
    return undefined
  return refuse(
    "unsupportedEncoding",
    `Content-Encoding: expected none, got "${encoding.slice(0, 80)}"`,
  )
}

export interface BodyOptions {
  readonly bytesMax: number
  /** How long the body may take to come whole. */
  readonly waitMillis: number
  /** Holds the bytes before they are read; none for bodies that are always small. */
  readonly share?: Share
}

const checkHead = (request: Request, limit: number): Refusal | undefined => {
  const { headers } = request
  const wrongType = checkContentType(headers.get("content-type"))
  if (wrongType !== undefined) return wrongType
  const wrongEncoding = checkEncoding(headers)
  if (wrongEncoding !== undefined) return wrongEncoding
  if (headers.get("inference-header-content-length") !== null)
    return refuse(
      "unsupported",
      "Inference-Header-Content-Length: expected JSON alone, got binary tensors",
    )
  const length = Number(headers.get("content-length") ?? "0")
  return length > limit ? tooLarge(limit, `${length}`) : undefined
}

const readCounting = async (
  body: ReadableStream<Uint8Array>,
  { bytesMax, share }: BodyOptions,
  ended: () => boolean,
): Promise<Uint8Array | Refusal> => {
  const parts: Array<Uint8Array> = []
  let size = 0
  for await (const part of body) {
    size += part.byteLength
    // Leaving the loop cancels the stream: nothing more is taken in.
    if (size > bytesMax) return tooLarge(bytesMax, "more")
    if (ended() || share?.resize(size) === false) return tooManyBytes
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Room is taken before Bun begins to gather the body. */
const readBytes = async (
  request: Request,
  options: BodyOptions,
  ended: () => boolean,
): Promise<Uint8Array | Refusal> => {
  const length = request.headers.get("content-length")
  if (length === null && request.body !== null) return readCounting(request.body, options, ended)
  if (options.share?.resize(Number(length ?? "0")) === false) return tooManyBytes
  return request.bytes()
}

/** What is left to come after the wait goes with the connection, which the answer closes. */
const readInTime = async (
  request: Request,
  options: BodyOptions,
): Promise<Uint8Array | Refusal> => {
  const { waitMillis } = options
  const { promise: late, resolve } = Promise.withResolvers<Refusal>()
  let hasEnded = false
  const timer = setTimeout(() => {
    hasEnded = true
    resolve(refuse("bodyTimedOut", `body: expected all of it within ${waitMillis} ms, got a part`))
  }, waitMillis)
  try {
    return await Promise.race([readBytes(request, options, () => hasEnded), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The whole body as text of at most `bytesMax` bytes. Never rejects. */
export const readText = async (
  request: Request,
  options: BodyOptions,
): Promise<string | Refusal> => {
  const wrong = checkHead(request, options.bytesMax)
  if (wrong !== undefined) return wrong
  let bytes: Uint8Array | Refusal
  try {
    bytes = await readInTime(request, options)
  } catch {
    // The client went away while it sent: only the metrics see this.
    return refuse("invalid", "body: expected all of it, got a part")
  }
  if ("kind" in bytes) return bytes
  try {
    return utf8.decode(bytes)
  } catch {
    return refuse("invalid", "body: expected UTF-8, got other bytes")
  }
}
