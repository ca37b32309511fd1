// Calls of one request and one answer. Messages come and go as bytes: what cannot be read is
// refused in our words, not in those of the transport.
import { status, type handleUnaryCall } from "@grpc/grpc-js"
import { MalformedWire } from "#core/inference/wire-reader"
import { ID } from "#proto/headers"
import type { Access, Caller } from "../access/caller.ts"
import { refuse, type Refusal } from "../http/status.ts"
import type { Calls } from "./calls.ts"
import type { Message } from "./message.ts"
import { metadataOf } from "./metadata.ts"

export interface Context {
  readonly caller: Caller
  readonly headers: Headers
  /** How long the caller waits from now on, milliseconds; undefined where it names no deadline. */
  readonly waitMillis: number | undefined
}

export interface Reply<O> {
  readonly kind: "reply"
  readonly message: O
  readonly trailers?: Readonly<Record<string, string>>
}

/** A refusal, with what goes along with it besides its own trailers. */
export interface Refused {
  readonly kind: "refusedWith"
  readonly refusal: Refusal
  readonly trailers: Readonly<Record<string, string>>
}

export type Answer<O> = Reply<O> | Refused | Refusal

export const reply = <O>(message: O, trailers?: Readonly<Record<string, string>>): Reply<O> => ({
  kind: "reply",
  message,
  ...(trailers === undefined ? {} : { trailers }),
})

/** `bytes` is what came: its length is what a request takes. */
export interface UnaryMethod<I, O> {
  readonly access: Access
  readonly request: Message<I>
  readonly response: Message<O>
  readonly answer: (
    request: I,
    context: Context,
    bytes: Uint8Array,
  ) => Answer<O> | Promise<Answer<O>>
}

export type UnaryHandler = handleUnaryCall<Buffer, Buffer>

/** Milliseconds until the deadline of a call. */
export const waitOf = (deadline: Date | number): number | undefined => {
  const until = Number(deadline)
  return Number.isFinite(until) ? until - Date.now() : undefined
}

export const malformed = ({ message }: MalformedWire): Refusal =>
  refuse("invalid", `message: expected one of this method, got other bytes (${message})`)

/** A method that is answered; `path` is `/service/method`. */
export const unary = <I, O>(
  calls: Calls,
  path: string,
  method: UnaryMethod<I, O>,
): UnaryHandler => {
  const { access, request, response, answer } = method
  const answered = async (bytes: Uint8Array, context: Context): Promise<Answer<Buffer>> => {
    try {
      const outcome = await answer(request.decode(bytes), context, bytes)
      if (outcome.kind !== "reply") return outcome
      return { ...outcome, message: response.encode(outcome.message) }
    } catch (cause) {
      return cause instanceof MalformedWire ? malformed(cause) : calls.defect(path, cause)
    }
  }
  return (call, done) => {
    const begun = calls.now()
    const admitted = calls.admit(access, call.metadata)
    const isIn = admitted.kind === "admitted"
    const watched = calls.watch(path, isIn ? admitted.headers : undefined)
    const end = (outcome: Answer<Buffer>) => {
      if (call.cancelled) {
        calls.gone(path, (calls.now() - begun) / 1_000)
        done({ code: status.CANCELLED, details: "cancelled" })
        return
      }
      if (outcome.kind === "reply") {
        const { message, trailers } = outcome
        watched.end({ id: trailers?.[ID] })
        calls.handled(path, status.OK)
        done(null, message, trailers && metadataOf(trailers))
        return
      }
      const refusal = outcome.kind === "refused" ? outcome : outcome.refusal
      const told = calls.statusOf(refusal, outcome.kind === "refused" ? {} : outcome.trailers)
      watched.end({ refusal })
      calls.handled(path, told.code)
      done(told)
    }
    if (!isIn) {
      end(admitted)
      return
    }
    const { caller, headers } = admitted
    const context = { caller, headers, waitMillis: waitOf(call.getDeadline()) }
    void answered(call.request, context).then(end)
  }
}
