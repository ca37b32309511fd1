// What the transport refuses before a method sees it, told in our words, with our code and counted
// as every refusal is. It changes nothing of what methods answer themselves.
import { ServerInterceptingCall, status, type ServerInterceptor } from "@grpc/grpc-js"
import { refuse, type Refusal } from "../http/status.ts"
import type { Calls } from "./calls.ts"

/** The transport's own words, which a test holds it to. */
const TOO_LARGE = /^Received message (?:larger than|that decompresses to a size larger than) /
const NOT_PACKED = "Failed to decompress message"

const refusalOf = (code: status, details: string, bytesMax: number): Refusal | undefined => {
  if (code === status.RESOURCE_EXHAUSTED && TOO_LARGE.test(details))
    return refuse("tooLarge", `message: expected at most ${bytesMax} bytes unpacked, got more`)
  if (code === status.INTERNAL && details === NOT_PACKED)
    return refuse("invalid", "message: expected it packed as grpc-encoding says, got other bytes")
  return undefined
}

/** Refusals of messages above `bytesMax` and of those that cannot be unpacked. */
export const transportRefusals =
  (calls: Calls, bytesMax: number): ServerInterceptor =>
  (method, call) => {
    const send = call.sendStatus.bind(call)
    // What the transport itself refuses goes through no responder of an interceptor.
    call.sendStatus = (told) => {
      const refusal = refusalOf(told.code, told.details, bytesMax)
      if (refusal === undefined) {
        send(told)
        return
      }
      const ours = calls.statusOf(refusal)
      calls.watch(method.path, undefined).end({ refusal })
      // A stream has begun by then and counts its own end.
      if (!method.requestStream) calls.handled(method.path, ours.code)
      send(ours)
    }
    return new ServerInterceptingCall(call)
  }
