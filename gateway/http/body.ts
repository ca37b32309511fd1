// The body of a request, as text or as text and raw bytes, within its limit. Bytes are counted
// while they come, so that a body of unknown length is refused as early as one that says how long
// it is.
import { CONTENT_TYPE } from "#proto/headers"
import { tooManyBytes, type Share } from "../inference/in-flight.ts"
import { Inflating } from "./inflating.ts"
import { BodyWaits, type BodyWait } from "./body-waits.ts"
import { inflate, readCoding, type Coding } from "./inflate.ts"
import { refuse, type Refusal } from "./status.ts"

/** Of a body with binary tensors: how many bytes of JSON are at its front. */
export const HEAD_LENGTH = "Inference-Header-Content-Length"
export const BINARY_TYPE = "application/octet-stream"

/**
 * `application/json`, what is written like it, and what `curl -d` calls everything. Parameters
 * other than the character set do not matter.
 */
const JSON_CONTENT_TYPE =
  /^application\/(?:(?:[a-z0-9._-]+\+)*json|x-www-form-urlencoded)\s*(?:;|$)/i
const CHARACTER_SET = /;\s*charset\s*=\s*"?([^";\s]+)/i
const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii"])

/**
 * Bodies of this process that are unpacked at once. Each may take twice `bytesMax` meanwhile, and
 * more at once would not be done sooner: it is work of the processor alone.
 */
const INFLATING_MAX = 4
const inflating = new Inflating(INFLATING_MAX)
const waits = new BodyWaits()

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

const wrongEncoding = (expected: string, got: string): Refusal =>
  refuse("unsupportedEncoding", `Content-Encoding: expected ${expected}, got "${got.slice(0, 80)}"`)

/** For bodies that are read as they come. */
export const checkEncoding = (headers: Headers): Refusal | undefined => {
  const encoding = headers.get("content-encoding")
  if (encoding === null || encoding === "" || encoding.toLowerCase() === "identity")
    return undefined
  return wrongEncoding("none", encoding)
}

/** How the body is packed; undefined where it is not. */
const codingOf = (headers: Headers): Coding | undefined | Refusal => {
  const encoding = headers.get("content-encoding")
  if (encoding === null || encoding === "") return undefined
  const name = encoding.toLowerCase()
  if (name === "identity") return undefined
  return readCoding(name) ?? wrongEncoding("gzip or deflate", encoding)
}

export interface BodyOptions {
  readonly bytesMax: number
  /** How long the body may take to come whole. */
  readonly waitMillis: number
  /** Holds the bytes before they are read; none for bodies that are always small. */
  readonly share?: Share
  /** Takes text that calls itself bytes, as the stock asyncio client sends its commands. */
  readonly takesBytes?: true
}

const checkHead = (
  headers: Headers,
  length: string | null,
  limit: number,
  isBinary: boolean,
): Refusal | undefined => {
  const type = headers.get("content-type")
  const wrongType = isBinary && type === BINARY_TYPE ? undefined : checkContentType(type)
  if (wrongType !== undefined) return wrongType
  const size = Number(length)
  return size > limit ? tooLarge(limit, `${size}`) : undefined
}

const readCounting = async (
  body: ReadableStream<Uint8Array>,
  { bytesMax, share }: BodyOptions,
  wait: BodyWait,
): Promise<Uint8Array | Refusal> => {
  const parts: Array<Uint8Array> = []
  let size = 0
  for await (const part of body) {
    size += part.byteLength
    // Leaving the loop cancels the stream: nothing more is taken in.
    if (size > bytesMax) return tooLarge(bytesMax, "more")
    if (wait.isLate || share?.resize(size) === false) return tooManyBytes
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** The client went away while it sent: only the metrics see this. */
const broken = refuse("invalid", "body: expected all of it, got a part")

const settle = async (bytes: Promise<Uint8Array | Refusal>, wait: BodyWait): Promise<void> => {
  try {
    waits.end(wait, await bytes)
  } catch {
    waits.end(wait, broken)
  }
}

/** What is left to come after the wait goes with the connection, which the answer closes. */
const readInTime = (
  request: Request,
  length: string | null,
  options: BodyOptions,
): Refusal | Promise<Uint8Array | Refusal> => {
  const counted = length === null ? request.body : null
  // Room is taken before Bun begins to gather the body.
  if (counted === null && options.share?.resize(Number(length)) === false) return tooManyBytes
  const wait = waits.begin(options.waitMillis)
  void settle(counted === null ? request.bytes() : readCounting(counted, options, wait), wait)
  return wait.ended
}

/** In its turn it holds room for the longest that it may become, which nothing tells before. */
const unpacked = async (
  packed: Uint8Array,
  coding: Coding,
  { bytesMax, share }: BodyOptions,
): Promise<Uint8Array | Refusal> => {
  const inflated = await inflating.inTurn(async () =>
    share?.resize(packed.byteLength + bytesMax) === false
      ? tooManyBytes
      : inflate(packed, coding, bytesMax),
  )
  if (typeof inflated === "object" && "kind" in inflated) return inflated
  if (inflated === "tooLarge") return tooLarge(bytesMax, "more when inflated")
  if (inflated === "broken")
    return refuse("invalid", `body: expected ${coding} as Content-Encoding says, got other bytes`)
  share?.resize(inflated.byteLength)
  return inflated
}

const unpackedInTime = async (
  packed: Refusal | Promise<Uint8Array | Refusal>,
  coding: Coding,
  options: BodyOptions,
): Promise<Uint8Array | Refusal> => {
  const bytes = await packed
  return "kind" in bytes ? bytes : unpacked(bytes, coding, options)
}

/** The whole body of at most `bytesMax` bytes, unpacked. Never rejects. */
const readWhole = (
  request: Request,
  options: BodyOptions,
  isBinary: boolean,
): Refusal | Promise<Uint8Array | Refusal> => {
  const { headers } = request
  const length = headers.get("content-length")
  const takesBytes = isBinary || options.takesBytes === true
  const wrong = checkHead(headers, length, options.bytesMax, takesBytes)
  if (wrong !== undefined) return wrong
  const coding = codingOf(headers)
  if (typeof coding === "object") return coding
  const bytes = readInTime(request, length, options)
  return coding === undefined ? bytes : unpackedInTime(bytes, coding, options)
}

/** UTF-8 as text. */
export const textIn = (bytes: Uint8Array): string | Refusal => {
  try {
    return utf8.decode(bytes)
  } catch {
    return refuse("invalid", "body: expected UTF-8, got other bytes")
  }
}

/**
 * The whole body of at most `bytesMax` bytes, unpacked; `textIn` reads the text in it. Never
 * rejects.
 */
export const readTextBytes = (
  request: Request,
  options: BodyOptions,
): Refusal | Promise<Uint8Array | Refusal> =>
  request.headers.get(HEAD_LENGTH) === null
    ? readWhole(request, options, false)
    : refuse("unsupported", `${HEAD_LENGTH}: expected JSON alone, got binary tensors`)

/** The whole body as text of at most `bytesMax` bytes. Never rejects. */
export const readText = async (
  request: Request,
  options: BodyOptions,
): Promise<string | Refusal> => {
  const bytes = await readTextBytes(request, options)
  return "kind" in bytes ? bytes : textIn(bytes)
}

/** A body of JSON and the raw bytes of tensors behind it; views of what came. */
export interface BinaryBody {
  readonly kind: "binary"
  /** Undefined where the body is the data of one tensor alone. */
  readonly text: string | undefined
  readonly data: Uint8Array
}

/**
 * The whole body of at most `bytesMax` bytes, unpacked; `tensorsIn` reads what is in it. Never
 * rejects.
 */
export const readTensorBytes = (
  request: Request,
  options: BodyOptions,
): Refusal | Promise<Uint8Array | Refusal> =>
  readWhole(request, options, request.headers.get(HEAD_LENGTH) !== null)

/** Text, or JSON and raw bytes where a header tells them apart. */
export const tensorsIn = (headers: Headers, bytes: Uint8Array): string | BinaryBody | Refusal => {
  const given = headers.get(HEAD_LENGTH)
  if (given === null) return textIn(bytes)
  const length = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN
  if (!(length <= bytes.byteLength)) {
    const expected = `expected 0 to ${bytes.byteLength} (bytes of the body, unpacked)`
    return refuse("invalid", `${HEAD_LENGTH}: ${expected}, got "${given.slice(0, 80)}"`)
  }
  if (length === 0) return { kind: "binary", text: undefined, data: bytes }
  const text = textIn(bytes.subarray(0, length))
  return typeof text === "string" ? { kind: "binary", text, data: bytes.subarray(length) } : text
}
