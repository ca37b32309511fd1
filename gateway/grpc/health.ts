// The standard health service of gRPC, which load balancers and orchestrators ask: the server as a
// whole ("") and the inference service are healthy while requests can be answered.
import { status, type handleServerStreamingCall } from "@grpc/grpc-js"
import { MalformedWire } from "#core/inference/wire-reader"
import { refuse } from "../http/status.ts"
import type { Calls } from "./calls.ts"
import {
  HealthCheckRequest,
  HealthCheckResponse,
  NOT_SERVING,
  SERVICE_UNKNOWN,
  SERVING,
} from "./server-messages.ts"
import { malformed, reply, unary, type UnaryHandler } from "./unary.ts"

export const HEALTH_SERVICE = "grpc.health.v1.Health"

/** Those who watch at once; each costs a question to ourselves every second. */
const WATCHERS_MAX = 64
const WATCH_INTERVAL_MILLIS = 1_000

export interface HealthOptions {
  readonly calls: Calls
  /** Services that are asked about by name. */
  readonly services: ReadonlySet<string>
  readonly isServing: () => boolean
  /** Aborted when the gateway begins to stop. */
  readonly stopping: AbortSignal
}

export class Health {
  readonly #options: HealthOptions
  #watchers = 0

  constructor(options: HealthOptions) {
    this.#options = options
  }

  check(): UnaryHandler {
    const { calls, services } = this.#options
    return unary(calls, `/${HEALTH_SERVICE}/Check`, {
      access: "open",
      request: HealthCheckRequest,
      response: HealthCheckResponse,
      answer: ({ service }) =>
        service === "" || services.has(service)
          ? reply({ status: this.#status() })
          : refuse("unknownModel", `no such service: ${service.slice(0, 80)}`),
    })
  }

  /** Says how it stands, and then each change; ends when the gateway stops. */
  watch(): handleServerStreamingCall<Buffer, Buffer> {
    const path = `/${HEALTH_SERVICE}/Watch`
    const { calls, services, stopping } = this.#options
    return (call) => {
      if (this.#watchers >= WATCHERS_MAX) {
        const many = `watchers: expected ${WATCHERS_MAX} at once, got one more`
        const told = calls.statusOf(refuse("tooManyReaders", many))
        calls.handled(path, told.code)
        call.emit("error", told)
        return
      }
      let service: string
      try {
        service = HealthCheckRequest.decode(call.request).service
      } catch (cause) {
        if (!(cause instanceof MalformedWire)) throw cause
        const told = calls.statusOf(malformed(cause))
        calls.handled(path, told.code)
        call.emit("error", told)
        return
      }
      this.#watchers++
      const isKnown = service === "" || services.has(service)
      let said: number | undefined
      const say = () => {
        const now = isKnown ? this.#status() : SERVICE_UNKNOWN
        if (now === said) return
        said = now
        call.write(HealthCheckResponse.encode({ status: now }))
      }
      const again = setInterval(say, WATCH_INTERVAL_MILLIS)
      let isOver = false
      const over = (code: status) => {
        if (isOver) return
        isOver = true
        clearInterval(again)
        stopping.removeEventListener("abort", stop)
        this.#watchers--
        calls.handled(path, code)
      }
      const stop = () => {
        say()
        over(status.OK)
        call.end()
      }
      for (const event of ["cancelled", "close", "error"])
        call.on(event, () => over(status.CANCELLED))
      say()
      if (stopping.aborted) stop()
      else stopping.addEventListener("abort", stop)
    }
  }

  #status(): number {
    return this.#options.isServing() ? SERVING : NOT_SERVING
  }
}
