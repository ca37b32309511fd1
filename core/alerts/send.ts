// One POST to a target: its name is resolved once, every address is judged, and the connection goes
// to an address that was judged. No redirect is followed, no proxy is used, little of the answer is
// read, and everything has a time limit.
import { lookup } from "node:dns/promises"
import { request as requestHttp, type RequestOptions } from "node:http"
import { request as requestHttps } from "node:https"
import { isIP, isIPv4 } from "node:net"
import { isPublicAddress } from "./address.ts"
import type { Reply } from "./schedule.ts"
import { checkApiUrl, hostOf, postUrl, TargetRefused, type Target } from "./target.ts"

export const RESOLVE_LIMIT_MILLIS = 5_000
/** From the connection to the end of the answer; the standard asks for 15 to 30 s. */
export const ANSWER_LIMIT_MILLIS = 20_000
export const ANSWER_MAX_BYTES = 64 * 1024
/** Addresses tried when connecting fails; each has been judged. */
const ADDRESSES_MAX = 3
const REASON_MAX_CHARACTERS = 200

export interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface SendOptions {
  /** All addresses of a name; rejects when there are none. */
  readonly resolve?: (host: string) => Promise<ReadonlyArray<string>>
  /** Addresses that an API-created target may have. */
  readonly isAllowed?: (address: string) => boolean
  /** Certificates of authorities to trust instead of the usual ones, PEM. */
  readonly authorities?: string
  readonly resolveLimitMillis?: number
  readonly answerLimitMillis?: number
}

export type Send = (target: Target, message: Message) => Promise<Reply>

const systemResolve = async (host: string): Promise<ReadonlyArray<string>> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

const within = async <A>(work: Promise<A>, millis: number, what: string): Promise<A> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${millis} ms`)), millis)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** The addresses to connect to, IPv4 first; throws when any of them is not allowed. */
const pin = async (target: Target, url: URL, options: SendOptions) => {
  const host = hostOf(url)
  const resolve = options.resolve ?? systemResolve
  const limit = options.resolveLimitMillis ?? RESOLVE_LIMIT_MILLIS
  const addresses =
    isIP(host) === 0 ? await within(resolve(host), limit, `resolving ${host}`) : [host]
  if (addresses.length === 0) throw new Error(`${host} has no address`)
  const isAllowed = options.isAllowed ?? isPublicAddress
  // One bad address refuses all: a name that answers with both is an attack or a mistake.
  const bad = addresses.find((one) => isIP(one) === 0 || !(target.trusted || isAllowed(one)))
  if (bad !== undefined) {
    const reason = `${host} has ${bad}, which is not a public address`
    throw new TargetRefused({ name: target.name, reason })
  }
  return addresses.toSorted((a, b) => Number(isIPv4(b)) - Number(isIPv4(a))).slice(0, ADDRESSES_MAX)
}

const UNREACHABLE: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EADDRNOTAVAIL",
])

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && "code" in cause ? cause.code : undefined

const reasonOf = (cause: unknown): string => {
  const text = cause instanceof Error ? cause.message || cause.name : String(cause)
  const code = codeOf(cause)
  const reason = typeof code === "string" && !text.includes(code) ? `${code}: ${text}` : text
  return reason.slice(0, REASON_MAX_CHARACTERS).toWellFormed()
}

/**
 * Judges where the name of a target leads now; resolves to why it leads nowhere, as far as this
 * machine can tell.
 *
 * @throws TargetRefused when it leads to an address that is not allowed.
 */
export const resolveTarget = async (
  target: Target,
  options: SendOptions = {},
): Promise<string | undefined> => {
  try {
    await pin(target, postUrl(target), options)
    return undefined
  } catch (cause) {
    if (cause instanceof TargetRefused) throw cause
    return reasonOf(cause)
  }
}

const requestOptions = (
  url: URL,
  address: string,
  message: Message,
  options: SendOptions,
): RequestOptions & { readonly servername?: string; readonly ca?: string } => {
  const host = hostOf(url)
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    method: "POST",
    host: address,
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    agent: false,
    headers: {
      ...message.headers,
      host: url.host,
      "content-length": message.body.byteLength,
      ...(url.username === "" ? {} : { authorization: `Basic ${btoa(credentials)}` }),
    },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(options.authorities === undefined ? {} : { ca: options.authorities }),
  }
}

const post = (
  url: URL,
  address: string,
  message: Message,
  options: SendOptions,
): Promise<Reply> => {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const limit = options.answerLimitMillis ?? ANSWER_LIMIT_MILLIS
  let overdue = () => reject(new Error(`no answer within ${limit} ms`))
  const open = url.protocol === "https:" ? requestHttps : requestHttp
  const request = open(requestOptions(url, address, message, options), (response) => {
    const status = response.statusCode ?? 0
    const retryAfter = response.headers["retry-after"]
    let received = 0
    // The status is all that counts: a body that is too long, too slow or broken off is not held
    // against the receiver.
    const done = () => resolve({ kind: "answered", status, retryAfter })
    overdue = done
    response.on("data", (chunk: Uint8Array) => {
      received += chunk.byteLength
      if (received > ANSWER_MAX_BYTES) done()
    })
    response.on("end", done)
    response.on("error", done)
    response.on("close", done)
  })
  request.on("error", reject)
  request.end(message.body)
  const timer = setTimeout(() => overdue(), limit)
  return promise.finally(() => {
    clearTimeout(timer)
    request.destroy()
  })
}

/** Sends by the network of this machine. Never rejects: what went wrong is the reply. */
export const makeSend =
  (options: SendOptions = {}): Send =>
  async (target, message) => {
    try {
      if (!target.trusted) checkApiUrl(target.name, target.url)
      const url = postUrl(target)
      let refused: unknown
      for (const address of await pin(target, url, options)) {
        try {
          return await post(url, address, message, options)
        } catch (cause) {
          if (!UNREACHABLE.has(codeOf(cause))) throw cause
          refused = cause
        }
      }
      throw refused
    } catch (cause) {
      const reason = cause instanceof TargetRefused ? cause.reason : reasonOf(cause)
      return { kind: "failed", reason }
    }
  }
