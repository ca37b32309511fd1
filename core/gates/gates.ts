// The suites of all models, for whoever judges requests or windows: a projection that follows the
// log. A fact that cannot be read makes its model's gate find every request at fault, since nothing
// may pass a gate unjudged; the next fact about the model mends it.
import type { QualityMark } from "#proto/prediction"
import type { InferenceRequest } from "#proto/request"
import type { Signature } from "#proto/signature"
import type { GateMode } from "#proto/quality"
import { ALL_QUALITY, EVENTS, modelOfEvent } from "#proto/subjects"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { strictRequestGate, unusable, type JudgeRequest } from "../quality/request-gate.ts"
import { SuiteRefused } from "../quality/suite.ts"
import { reasonOf, type Logger } from "../service/logger.ts"
import { readQualityFact } from "./suite-facts.ts"
import { evolve, noSuites, parseSuite, type ModelSuites } from "./suites.ts"

/** What a gate says about a request that is not as expected. */
export interface Verdict {
  readonly mode: GateMode
  readonly mark: QualityMark
}

interface Standing {
  readonly mode: GateMode
  readonly forSignature: (signature: Signature) => JudgeRequest
}

/** Made ready once for each signature; a signature never changes. */
const standing = (mode: GateMode, make: (signature: Signature) => JudgeRequest): Standing => {
  const made = new WeakMap<Signature, JudgeRequest>()
  return {
    mode,
    forSignature: (signature) => {
      const known = made.get(signature)
      if (known !== undefined) return known
      const judge = make(signature)
      made.set(signature, judge)
      return judge
    },
  }
}

const standingOf = ({ gate }: ModelSuites): Standing | undefined => {
  if (gate === undefined || gate.mode === "off" || gate.suite === undefined) return undefined
  const { mode } = gate
  try {
    const suite = parseSuite(gate.suite)
    return standing(mode, (signature) => strictRequestGate(suite, signature))
  } catch (cause) {
    if (!(cause instanceof SuiteRefused)) throw cause
    return standing(mode, () => unusable("", cause.message))
  }
}

export class Gates {
  readonly #log: Log
  readonly #logger: Logger | undefined
  readonly #abort = new AbortController()
  readonly #models = new Map<string, ModelSuites>()
  readonly #standing = new Map<string, Standing>()
  readonly #listeners = new Set<(model: string) => void>()
  #position = 0

  /** Resolves after `close`; rejects when the projection ends by itself. */
  readonly done: Promise<void>

  constructor(log: Log, logger?: Logger) {
    this.#log = log
    this.#logger = logger
    this.done = this.#run()
  }

  suites(model: string): ModelSuites {
    return this.#models.get(model) ?? noSuites(model)
  }

  /** Every model about whose suites something was said. */
  models(): ReadonlyArray<string> {
    return [...this.#models.keys()]
  }

  /** What is not as expected of a request that suits the signature; undefined without a gate. */
  judge(model: string, signature: Signature, request: InferenceRequest): Verdict | undefined {
    const gate = this.#standing.get(model)
    if (gate === undefined) return undefined
    const mark = gate.forSignature(signature)(request)
    return mark === undefined ? undefined : { mode: gate.mode, mark }
  }

  /** Calls back after each fact; returns what ends the calls. */
  onChange(listener: (model: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when every fact is folded in that was stored at the time of the call. */
  async caughtUp(): Promise<void> {
    const last = await lookUp(this.#log, EVENTS, { last_by_subj: ALL_QUALITY })
    const sequence = last?.sequence ?? 0
    if (sequence <= this.#position) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = this.onChange(() => {
      if (this.#position >= sequence) resolve()
    })
    try {
      await Promise.race([promise, this.done])
    } finally {
      end()
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.done.catch(() => undefined)
  }

  async #run(): Promise<void> {
    const options = { stream: EVENTS, from: 1, filter: ALL_QUALITY, signal: this.#abort.signal }
    for await (const entry of follow(this.#log, options)) this.#apply(entry)
  }

  #apply(entry: Entry): void {
    const model = modelOfEvent(entry.subject)
    try {
      const suites = evolve(this.suites(model), readQualityFact(entry))
      this.#models.set(model, suites)
      const gate = standingOf(suites)
      if (gate === undefined) this.#standing.delete(model)
      else this.#standing.set(model, gate)
    } catch (cause) {
      const reason = reasonOf(cause)
      this.#logger?.error("a fact about suites cannot be read: no request of the model passes", {
        model,
        sequence: entry.sequence,
        reason,
      })
      this.#standing.set(
        model,
        standing("reject", () => unusable("", reason)),
      )
    }
    this.#position = entry.sequence
    for (const listener of this.#listeners) listener(model)
  }
}

/**
 * Opens the projection and resolves when it holds every fact that was stored at the time of the
 * call. Watch `done`.
 *
 * @throws LookupFailed, or NatsError when there is no stream.
 */
export const openGates = async (log: Log, logger?: Logger): Promise<Gates> => {
  const gates = new Gates(log, logger)
  try {
    await gates.caughtUp()
    return gates
  } catch (cause) {
    await gates.close()
    throw cause
  }
}
