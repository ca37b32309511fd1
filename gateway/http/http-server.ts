// The HTTP server: how it listens, what Bun itself limits, and how it ends without failing a
// request.
import { setTimeout as pause } from "node:timers/promises"
import { Schema } from "effect"
import type { makeApp } from "./routes.ts"
import { answerAfterBody } from "./unread-body.ts"

/**
 * Bodies above the limit of a request get a JSON answer from us; only those that pass it by more
 * than this are cut off by Bun, with an empty 413. A bulk may be so long: it is read as it comes.
 */
const BODY_MARGIN_BYTES = 1024 * 1024 * 1024
/** Bun's longest. A request that waits for its answer is idle to it. */
const IDLE_TIMEOUT_SECONDS = 255
/** Requests with a longer deadline have the idle time-out taken off. */
export const PATIENT_MILLIS = 240_000
/**
 * Nobody has come for so long: all are taken in. Who is busy elsewhere comes back after an answer
 * there, and on a busy machine clients are late, so it is so many usual answers or delays of our
 * own loop where that is longer.
 */
const HOLD_QUIET_MILLIS = 20
const HOLD_QUIET_TIMES = 4
const HOLD_QUIET_MAX_MILLIS = 200
/** It is not waited for longer than for so many quiet times. */
const HOLD_MAX_TIMES = 5
const HOLD_ASK_AGAIN_MILLIS = 5
/** Of each answer in the mean of how long answers take. */
const ANSWER_WEIGHT = 0.1
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
   * Where clients never cease to come, a connection that was made and not written to can still be
   * reset.
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

/** How busy this process is while it leaves, and since when nobody has come. */
class Leaving {
  /** Answers wait for this. */
  held: Promise<void> = Promise.resolve()
  #lastRequestAt = performance.now()
  #answerMillis = 0
  #lateMillis = 0

  comes(): void {
    this.#lastRequestAt = performance.now()
  }

  answered(millis: number): void {
    this.#answerMillis += ANSWER_WEIGHT * (millis - this.#answerMillis)
  }

  async watchLoop(millis: number): Promise<void> {
    const until = performance.now() + millis
    while (performance.now() < until) await this.#pause()
  }

  /** Holds answers back from now on, until the function that it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.held = promise
    this.#lastRequestAt = performance.now()
    return resolve
  }

  async untilQuiet(): Promise<void> {
    const until = performance.now() + HOLD_MAX_TIMES * this.#quietMillis
    const isQuiet = () => performance.now() >= this.#lastRequestAt + this.#quietMillis
    while (!isQuiet() && performance.now() < until) await this.#pause()
  }

  get #quietMillis(): number {
    const usual = HOLD_QUIET_TIMES * Math.max(this.#answerMillis, this.#lateMillis)
    return Math.min(Math.max(HOLD_QUIET_MILLIS, usual), HOLD_QUIET_MAX_MILLIS)
  }

  async #pause(): Promise<void> {
    const began = performance.now()
    await pause(HOLD_ASK_AGAIN_MILLIS)
    const late = performance.now() - began - HOLD_ASK_AGAIN_MILLIS
    this.#lateMillis = Math.max(this.#lateMillis, late)
  }
}

/** @throws PortTaken */
export const listen = (options: ListenOptions): HttpServer => {
  const { app, host, port, requestBytesMax } = options
  let server: Bun.Server<undefined>
  let leaving: Leaving | undefined
  const answer = async (request: Request, until: Leaving): Promise<Response> => {
    until.comes()
    const began = performance.now()
    const response = await app.fetch(request)
    until.answered(performance.now() - began)
    await until.held
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
      fetch: (request) => {
        const answering = leaving === undefined ? app.fetch(request) : answer(request, leaving)
        return request.headers.get("connection") === "close"
          ? answerAfterBody(request, answering)
          : answering
      },
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PortTaken({ host, port, reason })
  }
  return {
    url: server.url.origin,
    keepOpen: (request) => server.timeout(request, 0),
    drain: async (noticeMillis, maxMillis) => {
      leaving = new Leaving()
      await leaving.watchLoop(noticeMillis)
      const release = leaving.hold()
      await leaving.untilQuiet()
      // Right after the loop has taken what had come, the fewest connections are half made.
      await new Promise<void>((next) => setImmediate(next))
      const stopped = server.stop(false)
      release()
      await Promise.race([stopped, pause(maxMillis)])
    },
    close: async () => {
      await Promise.race([server.stop(false), pause(LAST_ANSWERS_MILLIS)])
      await server.stop(true)
    },
  }
}
