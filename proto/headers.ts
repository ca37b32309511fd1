// Names of message and HTTP headers. The server compares them to the letter: one in other case is
// ignored, not refused.

/** With "0": stored only if its subject holds nothing yet. This is what makes one fact per id. */
export const EXPECTED_LAST_SUBJECT_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
/** The server drops a second message with the same one within the stream's duplicate window. */
export const NATS_MESSAGE_ID = "Nats-Msg-Id"
/** In a copy made by `HISTORY`: stream, sequence, filters, transforms, original subject. */
export const STREAM_SOURCE = "Nats-Stream-Source"
/** On what a direct get and a republished copy return. */
export const NATS_SEQUENCE = "Nats-Sequence"
export const NATS_SUBJECT = "Nats-Subject"
export const NATS_TIME_STAMP = "Nats-Time-Stamp"

/** Digest of the decoded request, on the request and on its fact. */
export const DIGEST = "Weir-Digest"
/** Where the answer goes; the stream itself takes the reply subject of NATS. */
export const REPLY = "Weir-Reply"
/** In a request: pins a version. In an answer: the version that answered. */
export const VERSION = "Weir-Version"
export const ID = "Weir-Id"
export const POSITION = "Weir-Position"
/** Milliseconds from when the server stored the request; beside the queue, from its receipt. */
export const TIMEOUT = "Weir-Timeout-Ms"
/** Who asked, as the gateway authenticated it. */
export const CALLER = "Weir-Caller"
/** "1" where the id was made from an idempotency key: its work is never dropped for lateness. */
export const KEYED = "Weir-Keyed"
export const RETRY_OF = "Weir-Retry-Of"
export const TRACEPARENT = "traceparent"
export const REQUEST_ID = "X-Request-Id"
export const CONTENT_TYPE = "Content-Type"
export const IDEMPOTENCY_KEY = "Idempotency-Key"
export const IDEMPOTENT_REPLAYED = "Idempotent-Replayed"

export const JSON_TYPE = "application/json"
export const MESSAGE_PACK_TYPE = "application/vnd.msgpack"
