// The HTTP server: how it listens, what Bun itself limits, and how it ends without failing a
// request.
import { Schema } from "effect"
import type { makeApp } from "./routes.ts"

/**
 * Bodies above the limit of a request get a JSON answer from us; only those that pass it by more
 * than this are cut off by Bun, with an empty 413.
 */
const BODY_MARGIN_BYTES = 64 * 1024 * 1024
/**
 * Bun's longest. A request that waits is idle to it, so longer deadlines than this cannot be waited
 * out on one call.
 */
const IDLE_TIMEOUT_SECONDS = 255
export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  host: Schema.String,
  port: Schema.Int,
  reason: Schema.String,
}) {
  override get message() {
    const address = `${this.host}:${this.port}`
    return `WEIR_PORT: cannot listen on ${address} (${this.reason}); choose a free port`
  }
}

export interface HttpServer {
  readonly url: string
  /**
   * Resolves when all is answered, or after `maxMillis`. Bun closes idle connections the moment it
   * stops listening, and a client may be sending on one. So for `noticeMillis` every answer closes
   * its connection, while new ones are still taken; only then nobody is taken any more.
   */
  readonly drain: (noticeMillis: number, maxMillis: number) => Promise<void>
  /** Cuts what is left. */
  readonly close: () => Promise<void>
}

export interface ListenOptions {
  readonly app: ReturnType<typeof makeApp>
  readonly host: string
  readonly port: number
  readonly requestBytesMax: number
}

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/** @throws PortTaken */
export const listen = (options: ListenOptions): HttpServer => {
  const { app, host, port, requestBytesMax } = options
  let server: Bun.Server<undefined>
  try {
    server = Bun.serve({
      hostname: host,
      port,
      reusePort: false,
      maxRequestBodySize: requestBytesMax + BODY_MARGIN_BYTES,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      development: false,
      fetch: (request) => app.fetch(request),
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PortTaken({ host, port, reason })
  }
  return {
    url: server.url.origin,
    drain: async (noticeMillis, maxMillis) => {
      await pause(noticeMillis)
      await Promise.race([server.stop(false), pause(maxMillis)])
    },
    close: async () => {
      await server.stop(true)
    },
  }
}
