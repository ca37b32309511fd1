// ModelStreamInfer: many requests on one call, answered in the order in which they came. A refused
// request is answered with its error and the stream goes on; a caller that sends faster than it is
// answered, or takes no answers, is no longer read from.
import { setTimeout as pause } from "node:timers/promises"
import { status, type handleBidiStreamingCall, type ServerDuplexStream } from "@grpc/grpc-js"
import { MalformedWire } from "#core/inference/wire-reader"
import { ID, IDEMPOTENCY_KEY } from "#proto/headers"
import type { Caller } from "../access/caller.ts"
import type { Seat, Seats } from "../access/seats.ts"
import { CASES, refuse, type Refusal } from "../http/status.ts"
import type { Calls } from "./calls.ts"
import {
  ModelInferRequest,
  ModelStreamInferResponse,
  type ModelInferRequest as ModelInferMessage,
  type ModelInferResponse,
  type ParameterEntry,
} from "./infer-messages.ts"
import type { InferenceCalls } from "./inference.ts"
import { CODE_HEADER } from "./metadata.ts"
import { malformed, waitOf, type Answer, type Context } from "./unary.ts"

/** Requests of one stream that are not answered yet. */
const IN_FLIGHT_MAX = 64
/** A caller that takes no answer for so long has gone away. */
const UNREAD_MAX_MILLIS = 30_000
/** How long a request may wait until the rate of its key leaves room, and how often it looks. */
const TURN_WAIT_MAX_MILLIS = 30_000
const TURN_PAUSE_MILLIS = 50
/** Clients of other servers ask for a mark on the last answer of a request: each has one here. */
const MARK_ASKED = "triton_enable_empty_final_response"
const MARK = "triton_final_response"

const stopping = refuse("notReady", "the gateway is stopping")
const unread = refuse("timedOut", `no answer was read for ${UNREAD_MAX_MILLIS} ms`)

type Call = ServerDuplexStream<Buffer, Buffer>

const textParameter = ([key, stringParam]: readonly [string, string]): ParameterEntry => ({
  key,
  value: {
    boolParam: undefined,
    int64Param: undefined,
    stringParam,
    doubleParam: undefined,
    uint64Param: undefined,
  },
})

const mark: ParameterEntry = {
  key: MARK,
  value: {
    boolParam: true,
    int64Param: undefined,
    stringParam: undefined,
    doubleParam: undefined,
    uint64Param: undefined,
  },
}

const parametersOf = (
  values: Readonly<Record<string, string>>,
  isMarked: boolean,
): ReadonlyArray<ParameterEntry> => {
  const said = Object.entries(values).map(([key, value]) =>
    textParameter([key.toLowerCase(), value]),
  )
  return isMarked ? [...said, mark] : said
}

const emptyResponse = (id: string, modelName: string): ModelInferResponse => ({
  modelName,
  modelVersion: "",
  id,
  parameters: [],
  outputs: [],
  rawOutputContents: [],
})

export interface StreamOptions {
  readonly calls: Calls
  readonly inference: InferenceCalls
  readonly seats: Seats
  /** Aborted when the gateway begins to stop. */
  readonly stopping: AbortSignal
}

/** One stream from its first message to its end. */
class InferStream {
  readonly #call: Call
  readonly #path: string
  readonly #options: StreamOptions
  readonly #caller: Caller
  readonly #headers: Headers
  #inFlight = 0
  #taken = 0
  #ended = false
  /** Resolves when the last of the answers so far has been written. */
  #written: Promise<void> = Promise.resolve()

  constructor(call: Call, path: string, options: StreamOptions, caller: Caller, headers: Headers) {
    this.#call = call
    this.#path = path
    this.#options = options
    this.#caller = caller
    this.#headers = headers
  }

  /** Resolves with the code that the stream ended with. */
  run(): Promise<status> {
    const call = this.#call
    const { calls, stopping: stop } = this.#options
    const { promise, resolve } = Promise.withResolvers<status>()
    const fail = (refusal: Refusal) => {
      if (this.#ended) return
      const told = calls.statusOf(refusal)
      this.#ended = true
      resolve(told.code)
      call.emit("error", told)
    }
    const onStop = () => {
      call.pause()
      void this.#written.then(() => fail(stopping))
    }
    const gone = () => {
      this.#ended = true
      resolve(status.CANCELLED)
    }
    call.on("data", (bytes: Buffer) => this.#take(bytes, fail))
    call.on("end", () => {
      void this.#written.then(() => {
        if (this.#ended) return
        this.#ended = true
        call.end()
        resolve(status.OK)
      })
    })
    call.on("cancelled", gone)
    call.on("close", gone)
    call.on("error", gone)
    stop.addEventListener("abort", onStop)
    if (stop.aborted) onStop()
    return promise.finally(() => stop.removeEventListener("abort", onStop))
  }

  #take(bytes: Buffer, fail: (refusal: Refusal) => void): void {
    if (this.#ended) return
    this.#inFlight++
    if (this.#inFlight >= IN_FLIGHT_MAX) this.#call.pause()
    const answer = this.#answer(bytes)
    this.#written = this.#written
      .then(async () => this.#write(await answer, fail))
      .finally(() => {
        this.#inFlight--
        if (!this.#ended && !this.#options.stopping.aborted) this.#call.resume()
      })
  }

  /** Resolves when it was taken, as far as the transport holds no more. */
  async #write(bytes: Buffer, fail: (refusal: Refusal) => void): Promise<void> {
    if (this.#ended || this.#call.write(bytes)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const overdue = setTimeout(() => fail(unread), UNREAD_MAX_MILLIS)
    const events = ["drain", "close", "cancelled", "error"]
    for (const event of events) this.#call.once(event, resolve)
    await promise
    clearTimeout(overdue)
    for (const event of events) this.#call.removeListener(event, resolve)
  }

  /** The bytes of one answer. Never rejects. */
  async #answer(bytes: Buffer): Promise<Buffer> {
    const { calls } = this.#options
    const number = ++this.#taken
    const headers = this.#headersOf(number)
    const watched = calls.watch(this.#path, headers)
    let asked = { id: "", modelName: "", marked: false }
    let outcome: Answer<ModelInferResponse>
    try {
      const message = ModelInferRequest.decode(bytes)
      const { id, modelName, parameters } = message
      const marked = parameters.some(({ key, value }) => key === MARK_ASKED && value?.boolParam)
      asked = { id, modelName, marked }
      outcome =
        (await this.#turn(number)) ?? (await this.#infer(message, headers, bytes.byteLength))
    } catch (cause) {
      outcome = cause instanceof MalformedWire ? malformed(cause) : calls.defect(this.#path, cause)
    }
    if (outcome.kind === "reply") {
      const { message, trailers = {} } = outcome
      watched.end({ id: trailers[ID], model: asked.modelName })
      const parameters = parametersOf(trailers, asked.marked)
      return ModelStreamInferResponse.encode({
        errorMessage: "",
        inferResponse: { ...message, parameters },
      })
    }
    const refusal = outcome.kind === "refused" ? outcome : outcome.refusal
    watched.end({ refusal, model: asked.modelName })
    const trailers = outcome.kind === "refused" ? {} : outcome.trailers
    return this.#refused(refusal, trailers, asked)
  }

  #refused(
    refusal: Refusal,
    trailers: Readonly<Record<string, string>>,
    { id, modelName, marked }: { id: string; modelName: string; marked: boolean },
  ): Buffer {
    const known = refusal.id === undefined ? {} : { [ID]: refusal.id }
    const said = { ...trailers, ...known, [CODE_HEADER]: CASES[refusal.error].code }
    return ModelStreamInferResponse.encode({
      errorMessage: refusal.message,
      inferResponse: {
        ...emptyResponse(id, modelName),
        parameters: parametersOf(said, marked),
      },
    })
  }

  /** A trace and a key of its own for each request. */
  #headersOf(number: number): Headers {
    const headers = new Headers(this.#headers)
    const key = headers.get(IDEMPOTENCY_KEY)
    if (key !== null) headers.set(IDEMPOTENCY_KEY, `${key}/${number}`)
    return headers
  }

  #infer(
    message: ModelInferMessage,
    headers: Headers,
    bytes: number,
  ): Promise<Answer<ModelInferResponse>> {
    const context: Context = {
      caller: this.#caller,
      headers,
      waitMillis: waitOf(this.#call.getDeadline()),
    }
    return this.#options.inference.infer(message, context, bytes)
  }

  /** Each request counts against the rate of the key: a stream is slowed by it first. */
  async #turn(number: number): Promise<Refusal | undefined> {
    // The call itself was counted when it came.
    if (number === 1) return undefined
    const { now } = this.#options.calls
    const until = now() + TURN_WAIT_MAX_MILLIS
    for (;;) {
      const retryAfterSeconds = this.#caller.takeMore()
      if (retryAfterSeconds === undefined) return undefined
      if (this.#ended || this.#options.stopping.aborted || now() + TURN_PAUSE_MILLIS > until)
        return refuse("rateLimited", "no turn came in time", { retryAfterSeconds })
      await pause(TURN_PAUSE_MILLIS)
    }
  }
}

/** Who may not begin a stream learns it as the status of the call. */
const begin = (
  call: Call,
  { calls, seats }: StreamOptions,
): { readonly caller: Caller; readonly headers: Headers; readonly seat: Seat } | Refusal => {
  const admitted = calls.admit("predict", call.metadata)
  if (admitted.kind === "refused") return admitted
  const { caller, headers } = admitted
  const seat = seats.take(caller)
  if (seat.kind === "taken")
    return refuse("tooManyReaders", `streams: expected ${seat.limit}, got one more`)
  return { caller, headers, seat }
}

export const inferStream =
  (path: string, options: StreamOptions): handleBidiStreamingCall<Buffer, Buffer> =>
  (call) => {
    const { calls } = options
    const begun = begin(call, options)
    if ("kind" in begun) {
      const told = calls.statusOf(begun)
      calls.watch(path, undefined).end({ refusal: begun })
      calls.handled(path, told.code)
      call.emit("error", told)
      return
    }
    const { caller, headers, seat } = begun
    const stream = new InferStream(call, path, options, caller, headers)
    void stream.run().then((code) => {
      seat.leave()
      calls.handled(path, code)
    })
  }
