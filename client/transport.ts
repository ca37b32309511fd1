// One HTTP call with its tries, its deadline and its errors, over the platform's fetch. It knows no
// route and reads no body but that of an error.
import { Deadline } from "./deadline.ts"
import { InferenceError, localError } from "./error.ts"
import type { Body } from "./infer-body.ts"
import { joined } from "./datatypes.ts"
import { isObject } from "./json-text.ts"
import { readRetryAfter, RETRY_LIMITS, retryWait, type RetryLimits } from "./retry.ts"

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface TransportOptions {
  /** Where the server is; a path in it is kept. */
  readonly url: string
  /** Sent as `Authorization: Bearer`; a function is asked before each try. */
  readonly apiKey?: string | (() => string | Promise<string>)
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** For tests and for platforms with their own. */
  readonly fetch?: Fetch
  readonly retry?: Partial<RetryLimits>
  /** In [0, 1), for jitter; default Math.random. */
  readonly random?: () => number
  /** Largest answer that is read. */
  readonly answerBytesMax?: number
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024
/** Of the body of an error: more is no sentence. */
const ERROR_BYTES_MAX = 64 * 1024
/** So that a server's own 504, which names the id, comes before the client gives up. */
const GRACE_MILLIS = 500

export interface Call {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: Body | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMillis: number
  readonly signal?: AbortSignal | undefined
  /** Names the time that is left to the server with each try. */
  readonly tellsDeadline?: boolean
  readonly triesMax?: number | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

export class Transport {
  readonly #base: string
  readonly #options: TransportOptions
  readonly #limits: RetryLimits
  readonly #random: () => number
  readonly #fetch: Fetch

  constructor(options: TransportOptions) {
    if (!/^https?:\/\/[^/]/.test(options.url))
      throw localError("invalid", `url: expected http:// or https://, got ${options.url}`)
    this.#base = options.url.replace(/\/+$/, "")
    this.#options = options
    this.#limits = { ...RETRY_LIMITS, ...options.retry }
    this.#random = options.random ?? Math.random
    // A browser's fetch wants to be called on its own window.
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init))
  }

  get random(): () => number {
    return this.#random
  }

  /** The address of a path; throws for another server, which is to get no key of this one. */
  address(path: string): string {
    if (path.startsWith("/") && !path.startsWith("//")) return `${this.#base}${path}`
    if (path.startsWith(`${this.#base}/`)) return path
    throw localError("invalid", `address: expected one of ${this.#base}, got ${path.slice(0, 80)}`)
  }

  /** Tries until there is an answer of 2xx; rejects with the error of the last try. */
  async send(call: Call): Promise<Answer> {
    const grace = call.tellsDeadline === true ? GRACE_MILLIS : 0
    const deadline = new Deadline(call.timeoutMillis + grace, call.signal)
    const limits = { ...this.#limits, triesMax: call.triesMax ?? this.#limits.triesMax }
    try {
      for (let tries = 1; ; tries++) {
        const answer = await this.#try(call, deadline, grace)
        if (!(answer instanceof InferenceError)) return answer
        const wait = retryWait(limits, answer, tries, this.#random)
        if (wait === undefined || wait >= deadline.leftMillis - grace) throw answer
        await deadline.pause(wait)
      }
    } finally {
      deadline.end()
    }
  }

  async #try(call: Call, deadline: Deadline, grace: number): Promise<Answer | InferenceError> {
    const left = Math.max(1, Math.ceil(deadline.leftMillis - grace))
    const told = call.tellsDeadline === true ? { "weir-timeout-ms": `${left}` } : {}
    const headers = { ...call.headers, ...told }
    try {
      const { method, path, body } = call
      const response = await this.open(method, path, headers, deadline.signal, body)
      const bytesMax = this.#options.answerBytesMax ?? ANSWER_BYTES_MAX
      const bytes = await readBounded(response, bytesMax)
      return { status: response.status, headers: response.headers, bytes }
    } catch (cause) {
      return deadline.errorOf(cause)
    }
  }

  /** One try; resolves with an answer of 2xx, its body unread. Rejects for every other. */
  async open(
    method: Call["method"],
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    body?: Body,
  ): Promise<Response> {
    const { apiKey } = this.#options
    const key = typeof apiKey === "function" ? await apiKey() : apiKey
    const response = await this.#fetch(this.address(path), {
      method,
      headers: headersOf({
        ...this.#options.headers,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...body?.headers,
        ...headers,
      }),
      signal,
      ...(body === undefined ? {} : { body: body.bytes }),
    })
    if (response.ok) return response
    throw await errorOf(response)
  }
}

/** What no header can hold is the caller's fault, not the connection's. */
const headersOf = (headers: Readonly<Record<string, string>>): Headers => {
  try {
    return new Headers(headers)
  } catch (cause) {
    throw localError("invalid", `headers: ${String(cause)}`, cause)
  }
}

/** The whole body; rejects when it is longer. */
const readBounded = async (response: Response, bytesMax: number): Promise<Uint8Array> => {
  const { body } = response
  if (body === null) return new Uint8Array(0)
  const reader = body.getReader()
  const parts: Array<Uint8Array> = []
  let size = 0
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return parts.length === 1 && parts[0] !== undefined ? parts[0] : joined(parts)
    size += value.byteLength
    if (size > bytesMax) {
      await reader.cancel()
      throw localError("badAnswer", `answer: expected at most ${bytesMax} bytes, got more`)
    }
    parts.push(value)
  }
}

/** What a server says with an answer that is not 2xx, whatever the body is. */
const errorOf = async (response: Response): Promise<InferenceError> => {
  const { status, headers } = response
  const body = await errorBody(response)
  const text = (name: string): string | undefined => {
    const value = body[name]
    return typeof value === "string" && value !== "" ? value : undefined
  }
  return new InferenceError(text("error") ?? `the server answered ${status}`, {
    status,
    code: text("code") ?? `http_${status}`,
    id: text("id") ?? headers.get("weir-id") ?? undefined,
    retryAfterMillis: readRetryAfter(headers.get("retry-after"), Date.now()),
  })
}

const errorBody = async (response: Response): Promise<Readonly<Record<string, unknown>>> => {
  try {
    const bytes = await readBounded(response, ERROR_BYTES_MAX)
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isObject(body) ? body : {}
  } catch {
    return {}
  }
}
