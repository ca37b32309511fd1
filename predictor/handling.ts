// How a request is to be handled, read from the headers of its message. What the headers say is
// untrusted.
import { isCallerName } from "../proto/access.ts"
import type { Delivery } from "../core/log/delivery.ts"
import type { ReceivedHeaders } from "../core/log/received-headers.ts"
import {
  CALLER,
  CONTENT_TYPE,
  DIGEST,
  KEYED,
  REPLY,
  REQUEST_ID,
  RETRY_OF,
  TIMEOUT,
  TRACEPARENT,
  VERSION,
} from "../proto/headers.ts"
import { isLogId, isVersionName } from "../proto/names.ts"
import { isReplySubject } from "../proto/subjects.ts"

/** Used where the caller names none, and the longest that one may name. */
export const TIMEOUT_DEFAULT_MILLIS = 30_000
export const TIMEOUT_MAX_MILLIS = 600_000
/** Longest header value that is kept. */
const VALUE_MAX_CHARACTERS = 512

export interface Handling {
  readonly pinned: string | undefined
  readonly timeoutMillis: number
  readonly keyed: boolean
  readonly reply: string | undefined
  readonly contentType: string
  readonly digest: string | undefined
  readonly caller: string | undefined
  readonly requestId: string | undefined
  readonly traceparent: string | undefined
  readonly retryOf: string | undefined
  /**
   * What is wrong with the headers, as a sentence; the parts that are in order are still there.
   */
  readonly problem: string | undefined
}

const PLAIN: Handling = {
  pinned: undefined,
  timeoutMillis: TIMEOUT_DEFAULT_MILLIS,
  keyed: false,
  reply: undefined,
  contentType: "",
  digest: undefined,
  caller: undefined,
  requestId: undefined,
  traceparent: undefined,
  retryOf: undefined,
  problem: undefined,
}

const DIGEST_FORM = /^[0-9a-f]{64}$/

const problemOf = (handling: Handling, timeout: string | undefined): string | undefined => {
  if (handling.pinned !== undefined && !isVersionName(handling.pinned))
    return `${VERSION}: expected the name of a version`
  if (handling.reply !== undefined && !isReplySubject(handling.reply))
    return `${REPLY}: expected a subject below _INBOX or weir.reply`
  if (handling.retryOf !== undefined && !isLogId(handling.retryOf))
    return `${RETRY_OF}: expected an id`
  if (handling.caller !== undefined && !isCallerName(handling.caller))
    return `${CALLER}: expected 1 to 64 of A-Z a-z 0-9 _ -`
  if (handling.digest !== undefined && !DIGEST_FORM.test(handling.digest))
    return `${DIGEST}: expected 64 hexadecimal digits`
  const millis = handling.timeoutMillis
  if (
    timeout !== undefined &&
    !(Number.isInteger(millis) && millis > 0 && millis <= TIMEOUT_MAX_MILLIS)
  )
    return `${TIMEOUT}: expected milliseconds from 1 to ${TIMEOUT_MAX_MILLIS}`
  return undefined
}

const valueOf = (headers: ReceivedHeaders, name: string): string | undefined => {
  const text = headers.get(name)
  return text === "" ? undefined : text.slice(0, VALUE_MAX_CHARACTERS)
}

/** Reads the headers of a request message. */
export const readHandling = (headers: Delivery["headers"]): Handling => {
  if (headers === undefined) return PLAIN
  const timeout = valueOf(headers, TIMEOUT)
  const handling: Handling = {
    pinned: valueOf(headers, VERSION),
    timeoutMillis: timeout === undefined ? TIMEOUT_DEFAULT_MILLIS : Number(timeout),
    keyed: valueOf(headers, KEYED) === "1",
    reply: valueOf(headers, REPLY),
    contentType: valueOf(headers, CONTENT_TYPE) ?? "",
    digest: valueOf(headers, DIGEST),
    caller: valueOf(headers, CALLER),
    requestId: valueOf(headers, REQUEST_ID),
    traceparent: valueOf(headers, TRACEPARENT),
    retryOf: valueOf(headers, RETRY_OF),
    problem: undefined,
  }
  const problem = problemOf(handling, timeout)
  if (problem === undefined) return handling
  const { reply, caller } = handling
  return {
    ...PLAIN,
    reply: reply !== undefined && isReplySubject(reply) ? reply : undefined,
    caller: isCallerName(caller ?? "") ? caller : undefined,
    problem,
  }
}
