// From what a caller sends to a request on its way: names, headers and body checked, memory
// counted, then handed to the data plane. Single requests and the lines of a bulk take this one
// way.
import { ALL_BINARY } from "#core/inference/answer-form"
import { BadRequest } from "#core/inference/bad-request"
import { rawInferRequest } from "#core/inference/binary-tensors"
import { parseInferBody } from "#core/inference/json-request"
import { parsePredictRequest } from "#core/inference/rows"
import { parseV1Request } from "#core/inference/v1-request"
import type { Releases } from "#core/registry/releases"
import type { Signature } from "#proto/signature"
import { readTensorBytes, readTextBytes, tensorsIn, textIn, type BinaryBody } from "../http/body.ts"
import { checkNames, handlingOf, readCall, type Call } from "../http/call.ts"
import type { Caller } from "../access/caller.ts"
import type { KeyedSubmitter } from "./keyed.ts"
import { InFlight, tooManyBytes, type Share } from "./in-flight.ts"
import { badRequest, prepare, type Parsed, type Prepared } from "./prepare.ts"
import type { Form } from "../http/respond.ts"
import { TIMEOUT_MAX_MILLIS, type GatewaySettings } from "../settings.ts"
import type { Refusal } from "../http/status.ts"
import type { Admit } from "../quality/door.ts"
import type { Outcome } from "./flight.ts"
import type { Submitter } from "./submit.ts"
import { targetOf, type Target } from "./target.ts"

export interface IntakeOptions {
  readonly releases: Releases
  readonly submitter: Submitter
  readonly keyed: KeyedSubmitter
  readonly admit: Admit
  readonly settings: Pick<
    GatewaySettings,
    | "requestBytesMax"
    | "inFlightMax"
    | "inFlightBytesMax"
    | "bodyWaitMillis"
    | "timeoutDefaultMillis"
  >
  /** Seconds until what is queued now has been answered, as far as is known. */
  readonly retryAfterSeconds: () => number
}

/** A call whose head is in order. */
export interface Asked {
  readonly kind: "asked"
  readonly caller: Caller
  readonly call: Call
  readonly target: Target
}

const parse = (
  signature: Signature,
  body: string | BinaryBody,
  form: Form,
): Parsed | BadRequest => {
  if (typeof body === "object") return parseBinary(signature, body)
  if (form === "tensors") return parseInferBody(body)
  if (form === "rows") {
    const request = parsePredictRequest(signature, body)
    return request instanceof BadRequest ? request : { request, answer: undefined }
  }
  const parsed = parseV1Request(signature, body)
  if (parsed instanceof BadRequest) return parsed
  const { request, columnar } = parsed
  return { request, answer: undefined, form: columnar ? "columns" : "instances" }
}

const parseBinary = (signature: Signature, { text, data }: BinaryBody): Parsed | BadRequest => {
  if (text !== undefined) return parseInferBody(text, data)
  const request = rawInferRequest(signature, data)
  return request instanceof BadRequest ? request : { request, answer: ALL_BINARY }
}

const MICROS_PER_MILLI = 1_000

/** The model's own where it is configured; longer than a caller may wait it cannot be. */
const defaultTimeoutMillis = ({ config }: Target, otherwise: number): number =>
  config?.timeoutMicros === undefined
    ? otherwise
    : Math.min(TIMEOUT_MAX_MILLIS, Math.ceil(config.timeoutMicros / MICROS_PER_MILLI))

export class Intake {
  readonly #options: IntakeOptions
  readonly inFlight: InFlight

  constructor(options: IntakeOptions) {
    this.#options = options
    const { settings, retryAfterSeconds } = options
    const { inFlightMax: requestsMax, inFlightBytesMax: bytesMax } = settings
    this.inFlight = new InFlight({ requestsMax, bytesMax, retryAfterSeconds })
  }

  /** Largest body of one request, in bytes. */
  get requestBytesMax(): number {
    return this.#options.settings.requestBytesMax
  }

  /** The body of a request, its bytes held by `share` before they are read. Never rejects. */
  read(request: Request, share: Share, form: Form): Refusal | Promise<Uint8Array | Refusal> {
    const { requestBytesMax: bytesMax, bodyWaitMillis: waitMillis } = this.#options.settings
    const read = form === "tensors" ? readTensorBytes : readTextBytes
    return read(request, { bytesMax, waitMillis, share })
  }

  /** Checks everything that is known before the body; `version` is the one of the address. */
  ask(
    headers: Headers,
    caller: Caller,
    model: string,
    version: string | undefined,
  ): Asked | Refusal {
    const wrongName = checkNames(model, version)
    if (wrongName !== undefined) return wrongName
    const call = readCall(headers, version)
    if (call.kind === "refused") return call
    const target = targetOf(this.#options.releases, model, call.pinned)
    return target.kind === "refused" ? target : { kind: "asked", caller, call, target }
  }

  /** What the bytes of a body ask. */
  prepareRead(asked: Asked, headers: Headers, bytes: Uint8Array, form: Form): Prepared | Refusal {
    const body = form === "tensors" ? tensorsIn(headers, bytes) : textIn(bytes)
    return typeof body === "object" && body.kind === "refused"
      ? body
      : this.prepare(asked, body, form)
  }

  prepare(asked: Asked, body: string | BinaryBody, form: Form): Prepared | Refusal {
    return this.prepareParsed(asked, parse(asked.target.signature, body, form))
  }

  /** For bodies that others have read. */
  prepareParsed({ caller, call, target }: Asked, parsed: Parsed | BadRequest): Prepared | Refusal {
    if (parsed instanceof BadRequest) return badRequest(parsed)
    const { requestBytesMax, timeoutDefaultMillis } = this.#options.settings
    const handling = handlingOf(
      call,
      parsed.request.parameters,
      caller.name,
      defaultTimeoutMillis(target, timeoutDefaultMillis),
    )
    if ("kind" in handling) return handling
    return prepare(target, parsed, handling, requestBytesMax, this.#options.admit)
  }

  /** Sends what has no share yet: a line of a bulk. Never rejects. */
  async send(prepared: Prepared, key: string | undefined): Promise<Outcome> {
    const share = this.inFlight.begin()
    if (share.kind === "refused") return share
    try {
      return await this.sendHeld(prepared, key, share)
    } finally {
      share.end()
    }
  }

  /** Sends what `share` holds, which from here on is the encoded request. Never rejects. */
  sendHeld(prepared: Prepared, key: string | undefined, share: Share): Outcome | Promise<Outcome> {
    const { submitter, keyed } = this.#options
    if (key === undefined && prepared.refused !== undefined) return prepared.refused
    if (!share.resize(prepared.payload.byteLength)) return tooManyBytes
    return key === undefined ? submitter.submit(prepared) : keyed.submit(prepared, key)
  }
}
