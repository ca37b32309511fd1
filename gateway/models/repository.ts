// Loading and unloading as the protocol's repository extension asks for it: the same events as the
// command line appends, and for a load the wait until a predictor can run it. It knows no transport
// and takes no files: models come into the registry by import.
import { LogUnavailable } from "#core/log/append"
import type { Log } from "#core/log/log"
import { askAll } from "#core/log/questions"
import { LookupFailed } from "#core/log/read"
import { execute, ReleaseContended } from "#core/registry/commands"
import { ReleaseUnreadable } from "#core/registry/release-fact"
import { ReleaseRefused, type ReleaseCommand } from "#core/registry/release"
import type { Releases } from "#core/registry/releases"
import { holdAnswer, holdQuestion } from "#proto/questions"
import { ASK_HOLD } from "#proto/subjects"
import { refuse, type Refusal } from "../http/status.ts"
import { targetFault } from "../inference/target.ts"

const RETRY_AFTER_SECONDS = 5
/** A predictor that has just begun to listen hears nothing of a question asked before. */
const ASK_AGAIN_MILLIS = 2_000
const FILE_PREFIX = "file:"

export interface RepositoryEntry {
  readonly name: string
  readonly version: string
  readonly state: "READY" | "UNAVAILABLE"
  /** Why it is not ready. */
  readonly reason: string
}

/** Every version of every model. */
export const repositoryIndex = (
  releases: Releases,
  readyOnly: boolean,
): ReadonlyArray<RepositoryEntry> => {
  const broken = releases.broken()
  const entries = [...releases.models().values()].flatMap(({ model: name, versions }) =>
    [...versions].map(([version, { loaded }]): RepositoryEntry => {
      const unreadable = broken.get(name)?.message
      const state = loaded && unreadable === undefined ? "READY" : "UNAVAILABLE"
      return { name, version, state, reason: unreadable ?? (loaded ? "" : "unloaded") }
    }),
  )
  return readyOnly ? entries.filter(({ state }) => state === "READY") : entries
}

/** Parameters of a load that would change what was imported are refused by name. */
const loadFault = (parameters: Iterable<string>): Refusal | undefined => {
  for (const name of parameters) {
    if (name === "config")
      return refuse(
        "unsupported",
        "parameters.config: a configuration comes with the model's import (config.pbtxt)",
      )
    if (name.startsWith(FILE_PREFIX))
      return refuse("unsupported", `parameters.${name.slice(0, 80)}: models come by import`)
  }
  return undefined
}

export interface RepositoryOptions {
  readonly log: Log
  readonly releases: Releases
  /** How long a load may wait for a predictor, milliseconds. */
  readonly loadWaitMillis: number
  readonly predictorsSeen: () => boolean
  /** Milliseconds of a monotonic clock, and since 1970. */
  readonly now: () => number
  readonly time: () => number
}

/** Its methods never reject. */
export class Repository {
  readonly #options: RepositoryOptions

  constructor(options: RepositoryOptions) {
    this.#options = options
  }

  /** Without a version, all versions; resolves when a predictor can run the one that answers. */
  async load(
    model: string,
    version: string | undefined,
    parameters: Iterable<string>,
  ): Promise<Refusal | undefined> {
    const fault = loadFault(parameters)
    if (fault !== undefined) return fault
    const refusal = await this.#execute(model, version, { type: "Load", version, at: this.#at() })
    return refusal ?? (await this.#held(model, version))
  }

  /**
   * Without a version, all versions. What the log holds by now is still answered; what comes later
   * is refused.
   */
  async unload(model: string, version: string | undefined): Promise<Refusal | undefined> {
    return this.#execute(model, version, { type: "Unload", version, at: this.#at() })
  }

  #at(): number {
    return this.#options.time()
  }

  async #execute(
    model: string,
    version: string | undefined,
    command: ReleaseCommand,
  ): Promise<Refusal | undefined> {
    const { log, releases } = this.#options
    try {
      // It may have been imported a moment ago.
      await releases.caughtUp()
      const fault = targetFault(releases, model, version)
      if (fault !== undefined) return fault
      await execute(log, model, command)
      await releases.caughtUp()
      return undefined
    } catch (cause) {
      return refusalOf(cause)
    }
  }

  async #held(model: string, version: string | undefined): Promise<Refusal | undefined> {
    const { log, loadWaitMillis, predictorsSeen, now } = this.#options
    const question = holdQuestion.encode({ model, ...(version === undefined ? {} : { version }) })
    const until = now() + loadWaitMillis
    let refused: string | undefined
    for (let left = loadWaitMillis; left > 0; left = until - now()) {
      if (!predictorsSeen())
        return refuse("noPredictor", `'${model}' is to be served, but no predictor is running`, {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        })
      let isHeld = false
      const asked = now()
      await askAll(log, ASK_HOLD, question, {
        waitMillis: Math.min(left, refused === undefined ? left : ASK_AGAIN_MILLIS),
        onAnswer: (data) => {
          refused = refusalIn(data)
          isHeld = refused === undefined
          return !isHeld
        },
      })
      if (isHeld) return undefined
      // Where nobody listens the server says so at once.
      await pause(Math.min(ASK_AGAIN_MILLIS - (now() - asked), until - now()))
    }
    const why = refused ?? `no predictor had it ready within ${loadWaitMillis} ms`
    return refuse("modelUnavailable", `Request for unavailable model: '${model}': ${why}`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }
}

const pause = (millis: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, millis)))

const refusalIn = (data: Uint8Array): string | undefined => {
  try {
    return holdAnswer.decode(data).refused
  } catch {
    return "a predictor of another release answered"
  }
}

const refusalOf = (cause: unknown): Refusal => {
  if (cause instanceof ReleaseRefused) return refuse("invalid", cause.message)
  const later = { retryAfterSeconds: RETRY_AFTER_SECONDS }
  if (cause instanceof ReleaseUnreadable) return refuse("modelUnavailable", cause.message, later)
  if (
    cause instanceof ReleaseContended ||
    cause instanceof LogUnavailable ||
    cause instanceof LookupFailed
  )
    return refuse("logUnavailable", cause.message, later)
  throw cause
}
