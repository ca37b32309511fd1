// The client of a server that speaks the Open Inference Protocol: what a program imports. It needs
// fetch, streams and TextEncoder, and nothing else.
import { Batcher, type BatcherOptions } from "./batcher.ts"
import { Extensions } from "./extensions.ts"
import { type FeedEvent, type FeedOptions, readFeed } from "./feed.ts"
import type { Form, InferRequest } from "./infer-body.ts"
import {
  type Inference,
  InferenceCalls,
  type InferOptions,
  type Submitted,
  type SubmitOptions,
  type Ticket,
} from "./inference-calls.ts"
import { type CallOptions, ServerCalls } from "./server-calls.ts"
import { Transport, type TransportOptions } from "./transport.ts"

export {
  Batcher,
  BATCH_LIMITS,
  type BatchedInference,
  type BatcherOptions,
  type Send,
} from "./batcher.ts"
export type { DataOf, Datatype, Values } from "./datatypes.ts"
export { InferenceError, type InferenceErrorFields, LOCAL_CODES } from "./error.ts"
export { FEED_RETRY_LIMITS, type FeedEvent, type FeedOptions } from "./feed.ts"
export { bf16FromNumber, bf16ToNumber, fp16FromNumber, fp16ToNumber } from "./half-floats.ts"
export {
  decodeAnswer,
  encodeRequest,
  type Body,
  type Form,
  HEAD_LENGTH,
  type InferAnswer,
  type InferRequest,
  output,
  type RequestedOutput,
} from "./infer-body.ts"
export {
  type Inference,
  type InferOptions,
  POLL_MAX_SECONDS,
  type Submitted,
  type SubmitOptions,
  type Ticket,
} from "./inference-calls.ts"
export { RETRY_LIMITS, type RetryLimits } from "./retry.ts"
export type { CallOptions, VersionOptions } from "./server-calls.ts"
export type {
  ModelConfig,
  ModelMetadata,
  ModelVersionStatistics,
  RepositoryEntry,
  ServerMetadata,
  TensorMetadata,
} from "./server-facts.ts"
export { EventParser, type EventParserOptions, type ServerEvent } from "./server-events.ts"
export {
  booleans,
  numbers,
  type Parameter,
  type Parameters,
  tensor,
  type Tensor,
  type TensorOf,
  texts,
} from "./tensor.ts"
export type { Fetch, TransportOptions } from "./transport.ts"

export interface ClientOptions extends TransportOptions {
  /** Of a call with its retries, milliseconds; default 30 s. */
  readonly timeoutMillis?: number
  /** Of inference; default `auto`: binary where the server lists `binary_tensor_data`. */
  readonly form?: Form | "auto"
  /** Makes idempotency keys; default 128 bits of the platform's secure random. */
  readonly newKey?: () => string
}

const TIMEOUT_MILLIS = 30_000
const KEY_BYTES = 16

/** Not `randomUUID`, which pages without TLS do not have. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")

export class InferenceClient extends ServerCalls {
  readonly #transport: Transport
  readonly #calls: InferenceCalls

  constructor(options: ClientOptions) {
    const transport = new Transport(options)
    super(transport)
    this.#transport = transport
    this.#calls = new InferenceCalls(transport, {
      timeoutMillis: options.timeoutMillis ?? TIMEOUT_MILLIS,
      form: options.form ?? "auto",
      newKey: options.newKey ?? randomKey,
      extensions: new Extensions(transport),
    })
  }

  /** Resolves with the answer; rejects with InferenceError, whose `id` finds what comes late. */
  infer(model: string, request: InferRequest, options?: InferOptions): Promise<Inference> {
    return this.#calls.infer(model, request, options)
  }

  /** Resolves as soon as the server has the request in its log, or with the answer. */
  submit(model: string, request: InferRequest, options?: SubmitOptions): Promise<Submitted> {
    return this.#calls.submit(model, request, options)
  }

  /** One look at a ticket; with `waitSeconds` the server holds it until there is an answer. */
  poll(
    ticket: Pick<Ticket, "model" | "location">,
    options?: CallOptions & { readonly waitSeconds?: number },
  ): Promise<Submitted> {
    return this.#calls.poll(ticket, options)
  }

  /** Polls until there is an answer; at most 10 minutes if nothing is said. */
  result(ticket: Pick<Ticket, "model" | "location">, options?: CallOptions): Promise<Inference> {
    return this.#calls.result(ticket, options)
  }

  /** Gathers many small requests of a model into few. */
  batcher(model: string, options: BatcherOptions = {}): Batcher {
    return new Batcher((request) => this.infer(model, request, options), options)
  }

  /**
   * Each answer of a model once, in the order of the log, over as many connections as it takes. A
   * reader that waits is ended by its signal alone.
   */
  feed(model: string, options: FeedOptions = {}): AsyncGenerator<FeedEvent, undefined> {
    return readFeed(this.#transport, model, options)
  }
}
