// What the fields and headers mean, in one line each, where their name and type do not say it. The
// written reference prints them; a test sees to it that each belongs to a field that is there.

export const FIELD_NOTES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "inference request": {
    inputs: "the input tensors, in any order",
    outputs: "names of the outputs to return; all when absent",
    clientId: "the caller's own id: echoed and kept, never part of a subject",
    parameters: "texts, numbers and truth values, kept with the fact",
  },
  prediction: {
    id: "as in the subject",
    model: "as in the subject, with its points",
    version: "the version that answered; absent when none could be chosen",
    modelDigest: "SHA-256 of the model's bytes",
    request: "absent when it could not be read; its bytes are then in the dead letter",
    digest: "`Weir-Digest` of the request",
    pinned: "the version that the caller asked for",
    outputs: "present exactly when there is no failure",
    failure: "why there is no output",
    batch: "the run that produced the outputs: its id, rows, own offset and size, members, place",
    runtime: "runtime, its version, platform and CPU features",
    times: "milliseconds since 1970: stored by the server, taken, run begun, run ended",
    deliveries: "how often the request had been delivered",
    keyed: "true where the id was made from an idempotency key",
    retryOf: "the id of the dead letter that was sent again",
    quality: "what a gate that flags found; left out of the array when absent",
  },
  outcome: {
    id: "as in the subject, where it is given",
    value: "what came true of the only row, or a list with one for each row of the request",
    values: "or row by row, counted from 0; rows that are not named keep what they have",
    position: "`Weir-Position` of the answer, so that readers need not look for the id",
    observed_at: "when it came true: ISO 8601, or milliseconds since 1970",
  },
  "dead letter": {
    model: "as it stood in the subject, a valid name or not",
    id: "as it stood in the subject, a valid id or not",
    storedAt: "milliseconds since 1970",
    diedAt: "milliseconds since 1970",
    headers: "headers of the request message",
    payload: "bytes of the request message",
  },
  "release fact": {
    _tag: "which fact it is",
    digest: "SHA-256 of the model's bytes: its name in the object store",
    config: "what of `config.pbtxt` says how its versions are served; all of it",
    at: "milliseconds since 1970",
  },
  "quality fact": {
    _tag: "which fact it is",
    mode: "reject: what fails is not predicted; flag: its fact says so",
    suite: "the text of a suite of Great Expectations",
    source: "directory: a file beside the model, which gives way to a command",
    at: "milliseconds since 1970",
  },
  "access fact": {
    _tag: "which fact it is",
    name: "the caller, as in the subject",
    digest: "HMAC-SHA-256 of the key",
    pepper: "which pepper the digest was made with",
    scopes: "what the key may do: predict, read, operate, label",
    ratePerSecond: "requests a second at each gateway; no limit when absent",
    at: "milliseconds since 1970",
  },
}

/** By the name of the header. */
export const HEADER_NOTES: Readonly<Record<string, string>> = {
  "Nats-Expected-Last-Subject-Sequence": "on a fact: `0`, so that only the first one is stored",
  "Nats-Msg-Id": "on what is stored once: a second message with the same one is dropped",
  "Nats-Stream-Source": "on a copy in `HISTORY`: its second word is the position of the fact",
  "Nats-Sequence": "on what the server returns or repeats: the sequence in its stream",
  "Nats-Subject": "on what the server returns or repeats: its subject",
  "Nats-Time-Stamp": "on what the server returns or repeats: when it was stored",
  "Weir-Digest": "on a request and its fact: says what was asked, see below",
  "Weir-Reply":
    "on a request: where the fact is sent as well, byte for byte and with `Weir-Position`, once " +
    "it is stored; a subject below `_INBOX`, or below `weir.reply` for gateways, who get no " +
    "inputs of 8 KiB and more back. A reply can be lost: the log is proof",
  "Weir-Version": "on a request: pins a version; on an answer: the version that answered",
  "Weir-Id": "on an answer: the log id",
  "Weir-Position": "on an answer: the position of the fact",
  "Weir-Timeout-Ms":
    "on a request: milliseconds from when the server stored it, beside the queue from when " +
    "a predictor took it; at most 10 min",
  "Weir-Caller":
    "on a request: who asked, as the gateway authenticated it; `[A-Za-z0-9_-]{1,64}`, else the " +
    "request is invalid. Whoever may publish can set it to any name: accounts of NATS guard it",
  "Weir-Keyed": "on a request: `1` where the id was made from an idempotency key",
  "Weir-Retry-Of": "on a request: the id of the dead letter that is sent again",
  traceparent: "carried through request, fact and answer (W3C)",
  "X-Request-Id": "carried through request, fact and answer",
  "Content-Type": "on a request: `application/vnd.msgpack` (the default) or `application/json`",
  "Idempotency-Key": "on an HTTP request: scoped to caller and model",
  "Idempotent-Replayed": "on an HTTP answer that came from the log: `true`",
}

/** How the elements of a datatype stand in `data`. */
export const BYTE_FORMS: Readonly<Record<string, string>> = {
  BOOL: "0 or 1",
  FP16: "IEEE 754 binary16",
  FP32: "IEEE 754 binary32",
  FP64: "IEEE 754 binary64",
  BYTES: "each element: its length as UINT32, then its bytes (UTF-8 for text)",
}
