// The HTTP server: how it listens, what Bun itself limits, and how it ends without failing a
// request.
import { Schema } from "effect"
import type { makeApp } from "./routes.ts"

/**
 * Bodies above the limit of a request get a JSON answer from us; only those that pass it by more
 * than this are cut off by Bun, with an empty 413. A bulk may be so long: it is read as it comes.
 */
const BODY_MARGIN_BYTES = 1024 * 1024 * 1024
/** Bun's longest. A request that waits for its answer is idle to it. */
const IDLE_TIMEOUT_SECONDS = 255
/** Requests with a longer deadline have the idle time-out taken off. */
export const PATIENT_MILLIS = 240_000
/** Nobody has come for so long: all are taken in. It is not waited for longer than the longest. */
const HOLD_QUIET_MILLIS = 20
const HOLD_MAX_MILLIS = 250
const HOLD_ASK_AGAIN_MILLIS = 5
/** For the answers of those who were told at the very end that they wait in vain. */
const LAST_ANSWERS_MILLIS = 500

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
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
  /**
   * Resolves when all is answered, or after `maxMillis`. The moment Bun stops listening it closes
   * idle connections, and the kernel those that nobody has accepted yet; a client may be sending on
   * either. So for `noticeMillis` every answer closes its connection, while new ones are still
   * taken; then answers are held back until every client that waits for one has been taken in.
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
  let lastRequestAt = 0
  let held: Promise<void> | undefined
  const answer = async (request: Request, until: Promise<void>): Promise<Response> => {
    lastRequestAt = performance.now()
    const response = await app.fetch(request)
    await until
    return response
  }
  try {
    server = Bun.serve({
      hostname: host,
      port,
      reusePort: false,
      maxRequestBodySize: requestBytesMax + BODY_MARGIN_BYTES,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      development: false,
      fetch: (request) => (held === undefined ? app.fetch(request) : answer(request, held)),
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PortTaken({ host, port, reason })
  }
  return {
    url: server.url.origin,
    keepOpen: (request) => server.timeout(request, 0),
    drain: async (noticeMillis, maxMillis) => {
      await pause(noticeMillis)
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      lastRequestAt = performance.now()
      const heldUntil = lastRequestAt + HOLD_MAX_MILLIS
      while (performance.now() < Math.min(lastRequestAt + HOLD_QUIET_MILLIS, heldUntil))
        await pause(HOLD_ASK_AGAIN_MILLIS)
      // Right after the loop has taken what had come, the fewest connections are half made.
      await new Promise<void>((next) => setImmediate(next))
      const stopped = server.stop(false)
      resolve()
      await Promise.race([stopped, pause(maxMillis)])
    },
    close: async () => {
      await Promise.race([server.stop(false), pause(LAST_ANSWERS_MILLIS)])
      await server.stop(true)
    },
  }
}
