// How long a call may still take, and the waits in it. It reads the monotonic clock and nothing
// else; `AbortSignal.any` is left out for Node 20.0 and older browsers.
import { InferenceError, localError } from "./error.ts"

/** A timer of more fires at once. */
const TIMER_MAX_MILLIS = 2 ** 31 - 1

/** A caller's signal and a time limit as one signal. End it, or the caller's signal holds it. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #until: number
  readonly #timer: ReturnType<typeof setTimeout> | undefined
  readonly #caller: AbortSignal | undefined
  readonly #onCaller: () => void

  /** `millis` may be infinite. */
  constructor(
    millis: number,
    caller?: AbortSignal,
    onTime = () => localError("timedOut", `no answer within ${Math.round(millis)} ms`),
  ) {
    this.#until = performance.now() + millis
    this.#caller = caller
    this.#onCaller = () => this.#controller.abort(localError("aborted", "the caller's signal"))
    if (caller?.aborted === true) this.#onCaller()
    else caller?.addEventListener("abort", this.#onCaller)
    const over = () => this.#controller.abort(onTime())
    if (Number.isFinite(millis)) this.#timer = setTimeout(over, Math.min(millis, TIMER_MAX_MILLIS))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get leftMillis(): number {
    return Math.max(0, this.#until - performance.now())
  }

  /** What ended a wait: the deadline, the caller, or the connection. */
  errorOf(cause: unknown): InferenceError {
    const { reason }: { readonly reason: unknown } = this.signal
    if (this.signal.aborted && reason instanceof InferenceError) return reason
    if (cause instanceof InferenceError) return cause
    const message = cause instanceof Error ? cause.message : String(cause)
    return localError("network", `no answer: ${message}`, cause)
  }

  /** Rejects when the deadline is over or the caller aborts. */
  pause(millis: number): Promise<void> {
    const { promise, resolve, reject } = deferred<void>()
    const { signal } = this
    const stop = () => {
      clearTimeout(timer)
      reject(this.errorOf(undefined))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop)
      resolve()
    }, millis)
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop, { once: true })
    return promise
  }

  /** The same, or the deadline's error once it is over; what is waited for goes on. */
  async race<A>(next: Promise<A>): Promise<A> {
    const { promise, reject } = deferred<never>()
    const { signal } = this
    const stop = () => reject(this.errorOf(undefined))
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop)
    try {
      return await Promise.race([next, promise])
    } finally {
      signal.removeEventListener("abort", stop)
    }
  }

  /** Ends what runs under the signal as well. */
  stop(): void {
    this.end()
    this.#controller.abort(localError("aborted", "not waited for any more"))
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener("abort", this.#onCaller)
  }
}

export interface Deferred<A> {
  readonly promise: Promise<A>
  readonly resolve: (value: A) => void
  readonly reject: (reason: InferenceError) => void
}

/** `Promise.withResolvers`, which Node 20 has not. */
export const deferred = <A>(): Deferred<A> => {
  let settle: Omit<Deferred<A>, "promise"> | undefined
  const promise = new Promise<A>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (settle === undefined) throw localError("invalid", "a promise did not start")
  return { promise, ...settle }
}
