// Looking one message up. A direct get may be answered by a replica that lags, so in a cluster a
// miss counts only after the leader has missed too.
import { Schema } from "effect"
import type { Msg, MsgHdrs } from "nats"
import { NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP } from "../../proto/headers.ts"
import type { Log } from "./log.ts"
import { decodeHeaders } from "./stored-headers.ts"

/** One look-up; the server answers within milliseconds unless its leader is just changing. */
const LOOKUP_WAIT_MILLIS = 2_000
const NOT_FOUND_CODE = 10037
const NOT_FOUND_STATUS = 404

export interface StoredMessage {
  readonly subject: string
  readonly sequence: number
  readonly data: Uint8Array
  readonly headers: MsgHdrs | undefined
  /** When the server stored it, milliseconds since 1970. */
  readonly storedAt: number
}

/** The log could not be asked. It says nothing about whether the message exists. */
export class LookupFailed extends Schema.TaggedError<LookupFailed>()("LookupFailed", {
  stream: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.stream} could not be read: ${this.reason}`
  }
}

export type Lookup =
  | { readonly last_by_subj: string }
  | { readonly seq: number }
  /** The first message at or after a sequence whose subject matches. */
  | { readonly seq: number; readonly next_by_subj: string }

const ask = async (log: Log, subject: string, stream: string, lookup: Lookup): Promise<Msg> => {
  // The client drops what it is given while disconnected: the wait would be for nothing.
  if (!log.link.up) throw new LookupFailed({ stream, reason: "not connected" })
  try {
    return await log.connection.request(subject, JSON.stringify(lookup), {
      timeout: LOOKUP_WAIT_MILLIS,
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LookupFailed({ stream, reason: reason === "503" ? "no responders" : reason })
  }
}

/** Asks any replica. Needs `allow_direct` on the stream. */
export const readDirect = async (
  log: Log,
  stream: string,
  lookup: Lookup,
): Promise<StoredMessage | undefined> => {
  const message = await ask(log, `$JS.API.DIRECT.GET.${stream}`, stream, lookup)
  const { headers } = message
  // The server adds its headers behind those of the message, which may hold a status line and equal
  // names of their own.
  const sequence = Number(headers?.last(NATS_SEQUENCE))
  if (headers === undefined || !(sequence > 0)) {
    if (headers?.code === NOT_FOUND_STATUS) return undefined
    throw new LookupFailed({ stream, reason: `status ${headers?.code ?? 0}` })
  }
  return {
    subject: headers.last(NATS_SUBJECT),
    sequence,
    data: message.data,
    headers,
    storedAt: Date.parse(headers.last(NATS_TIME_STAMP)),
  }
}

const LeaderAnswer = Schema.Struct({
  message: Schema.optionalKey(
    Schema.Struct({
      subject: Schema.String,
      seq: Schema.Int,
      time: Schema.String,
      data: Schema.optionalKey(Schema.String),
      hdrs: Schema.optionalKey(Schema.String),
    }),
  ),
  error: Schema.optionalKey(
    Schema.Struct({ err_code: Schema.Int, description: Schema.optionalKey(Schema.String) }),
  ),
})
const decodeAnswer = Schema.decodeUnknownSync(Schema.fromJsonString(LeaderAnswer))

/** Asks the leader of the stream, whose answer is final. */
export const readFromLeader = async (
  log: Log,
  stream: string,
  lookup: Lookup,
): Promise<StoredMessage | undefined> => {
  const answer = await ask(log, `$JS.API.STREAM.MSG.GET.${stream}`, stream, lookup)
  const { message, error } = decodeAnswer(answer.string())
  if (error?.err_code === NOT_FOUND_CODE) return undefined
  if (message === undefined)
    throw new LookupFailed({ stream, reason: error?.description ?? "an empty answer" })
  return {
    subject: message.subject,
    sequence: message.seq,
    data: new Uint8Array(Buffer.from(message.data ?? "", "base64")),
    headers: message.hdrs === undefined ? undefined : decodeHeaders(message.hdrs),
    storedAt: Date.parse(message.time),
  }
}

/**
 * The last message of a subject in a stream that allows direct gets; `undefined` when there is
 * none. `replicas` of the stream decides whether a miss has to be confirmed by the leader.
 *
 * @throws LookupFailed when the log cannot be asked.
 */
export const readLast = async (
  log: Log,
  stream: string,
  subject: string,
  replicas: number,
): Promise<StoredMessage | undefined> => {
  const lookup = { last_by_subj: subject }
  const found = await readDirect(log, stream, lookup)
  if (found !== undefined || replicas <= 1) return found
  return readFromLeader(log, stream, lookup)
}
