// Keeps one child running: a child that ends is started again, after a wait that doubles while it
// keeps ending early. A child that never lived long enough to be of use is given up, so that a
// wrong setting ends in a sentence, not a loop.
import { type ChildExit, type Running } from "./child.ts"

export interface RestartPolicy {
  /** Before the first restart; doubled by each further early end. */
  readonly waitFirstMillis: number
  readonly waitMostMillis: number
  /** A child that lived this long starts again as if for the first time. */
  readonly settledAfterMillis: number
  /** Early ends in a row before a child that never settled is given up. */
  readonly earlyEndsMax: number
  /** An exit code by which a child says that starting it again would change nothing. */
  readonly hopelessExitCode?: number
}

export const RESTART_POLICY: RestartPolicy = {
  waitFirstMillis: 200,
  waitMostMillis: 10_000,
  settledAfterMillis: 10_000,
  earlyEndsMax: 5,
}

export type SupervisorEvent =
  | { readonly type: "started"; readonly name: string; readonly pid: number }
  | {
      readonly type: "ended"
      readonly name: string
      readonly exit: ChildExit
      readonly startAgainInMillis: number
    }
  | { readonly type: "fromSources"; readonly name: string; readonly reason: string }
  | { readonly type: "notStarted"; readonly name: string; readonly reason: string }
  | { readonly type: "gaveUp"; readonly name: string; readonly ends: number }
  | { readonly type: "hopeless"; readonly name: string; readonly exit: ChildExit }
  | { readonly type: "stopped"; readonly name: string; readonly exit: ChildExit }

export interface GivenUp {
  readonly name: string
  /** Whether the child itself said that there is no use in starting it again. */
  readonly isHopeless: boolean
}

/**
 * The wait before the restart that follows `ends` early ends in a row (1 or more), in milliseconds.
 */
export const restartWaitMillis = (ends: number, policy: RestartPolicy): number =>
  Math.min(policy.waitFirstMillis * 2 ** (ends - 1), policy.waitMostMillis)

export class Supervisor {
  readonly #name: string
  readonly #start: () => Promise<Running>
  readonly #policy: RestartPolicy
  readonly #report: (event: SupervisorEvent) => void
  readonly #stopping = new AbortController()
  readonly #gaveUp = Promise.withResolvers<GivenUp>()
  readonly #loop: Promise<void>
  #running: Running | undefined
  #settledOnce = false

  /** Starts at once. `start` is called again for each restart. */
  constructor(
    name: string,
    start: () => Promise<Running>,
    report: (event: SupervisorEvent) => void,
    policy: RestartPolicy = RESTART_POLICY,
  ) {
    this.#name = name
    this.#start = start
    this.#report = report
    this.#policy = policy
    this.#loop = this.#keepRunning()
  }

  get name(): string {
    return this.#name
  }

  /** The process that runs now; undefined between two. */
  get pid(): number | undefined {
    return this.#running?.pid
  }

  /** Resolves when the child is given up; never while it is worth trying. */
  get gaveUp(): Promise<GivenUp> {
    return this.#gaveUp.promise
  }

  /** Ends the child and starts it no more; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running?.stop()
    await this.#loop
  }

  async #keepRunning(): Promise<void> {
    let earlyEnds = 0
    while (!this.#stopping.signal.aborted) {
      const lived = await this.#runOnce()
      if (this.#stopping.signal.aborted) return
      if (lived.exit !== undefined && lived.exit.code === this.#policy.hopelessExitCode) {
        this.#report({ type: "hopeless", name: this.#name, exit: lived.exit })
        this.#gaveUp.resolve({ name: this.#name, isHopeless: true })
        return
      }
      const settled = lived.millis >= this.#policy.settledAfterMillis
      this.#settledOnce ||= settled
      earlyEnds = settled ? 1 : earlyEnds + 1
      if (!this.#settledOnce && earlyEnds >= this.#policy.earlyEndsMax) {
        this.#report({ type: "gaveUp", name: this.#name, ends: earlyEnds })
        this.#gaveUp.resolve({ name: this.#name, isHopeless: false })
        return
      }
      const startAgainInMillis = restartWaitMillis(earlyEnds, this.#policy)
      if (lived.exit !== undefined)
        this.#report({ type: "ended", name: this.#name, exit: lived.exit, startAgainInMillis })
      await this.#wait(startAgainInMillis)
    }
  }

  async #runOnce(): Promise<{ readonly millis: number; readonly exit: ChildExit | undefined }> {
    const began = performance.now()
    try {
      this.#running = await this.#start()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#report({ type: "notStarted", name: this.#name, reason })
      return { millis: 0, exit: undefined }
    }
    this.#report({ type: "started", name: this.#name, pid: this.#running.pid })
    // Stopped while it was starting: nobody else knows of it yet.
    if (this.#stopping.signal.aborted) void this.#running.stop()
    const exit = await this.#running.exited
    this.#running = undefined
    if (this.#stopping.signal.aborted) this.#report({ type: "stopped", name: this.#name, exit })
    return { millis: performance.now() - began, exit }
  }

  #wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stopping
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener("abort", end)
        resolve()
      }
      const timer = setTimeout(end, millis)
      signal.addEventListener("abort", end)
    })
  }
}
