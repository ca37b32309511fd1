// What models have served, as the protocol's statistics extension says it: asked of every predictor
// and added up, so that each gateway gives the same answer. It counts from the start of the
// predictors that run now; the log, which knows every request, is not read for it.
import type { Log } from "#core/log/log"
import { askAll } from "#core/log/questions"
import type { Releases } from "#core/registry/releases"
import {
  statisticsAnswer,
  statisticsQuestion,
  type BatchStatistics,
  type Duration,
  type StatisticsAnswer,
  type VersionStatistics,
} from "#proto/questions"
import { ASK_STATISTICS } from "#proto/subjects"
import { refuse, type Refusal } from "../http/status.ts"
import { targetFault } from "../inference/target.ts"

/** Longest wait for the answers of predictors. */
const WAIT_MILLIS = 1_000
/** After an answer, for one of a predictor that answered before; and for one never heard of. */
const MISSING_QUIET_MILLIS = 500
const UNKNOWN_QUIET_MILLIS = 30
/** The same at first, when none is known. */
const FIRST_QUIET_MILLIS = 200
const RETRY_AFTER_SECONDS = 5

const none: Duration = { count: 0, nanos: 0 }
const plus = (a: Duration, b: Duration): Duration => ({
  count: a.count + b.count,
  nanos: a.nanos + b.nanos,
})

const emptyOf = (model: string, version: string): VersionStatistics => ({
  model,
  version,
  lastInference: 0,
  inferences: 0,
  executions: 0,
  success: none,
  fail: none,
  queue: none,
  input: none,
  infer: none,
  output: none,
  batches: [],
})

const batchesOf = (all: ReadonlyArray<BatchStatistics>): ReadonlyArray<BatchStatistics> =>
  [...Map.groupBy(all, ({ rows }) => rows)]
    .toSorted(([a], [b]) => a - b)
    .map(([rows, same]) => ({
      rows,
      count: same.reduce((sum, { count }) => sum + count, 0),
      inputNanos: same.reduce((sum, { inputNanos }) => sum + inputNanos, 0),
      inferNanos: same.reduce((sum, { inferNanos }) => sum + inferNanos, 0),
      outputNanos: same.reduce((sum, { outputNanos }) => sum + outputNanos, 0),
    }))

const added = (a: VersionStatistics, b: VersionStatistics): VersionStatistics => ({
  model: a.model,
  version: a.version,
  lastInference: Math.max(a.lastInference, b.lastInference),
  inferences: a.inferences + b.inferences,
  executions: a.executions + b.executions,
  success: plus(a.success, b.success),
  fail: plus(a.fail, b.fail),
  queue: plus(a.queue, b.queue),
  input: plus(a.input, b.input),
  infer: plus(a.infer, b.infer),
  output: plus(a.output, b.output),
  batches: batchesOf([...a.batches, ...b.batches]),
})

export interface StatisticsOptions {
  readonly log: Log
  readonly releases: Releases
}

export class ModelStatistics {
  readonly #options: StatisticsOptions
  /** Who answered the last time. */
  #known: ReadonlySet<string> | undefined

  constructor(options: StatisticsOptions) {
    this.#options = options
  }

  /**
   * Of one version, of all versions of a model, or of all models; versions that have served nothing
   * are there with zeros. Never rejects.
   */
  async of(
    model: string | undefined,
    version: string | undefined,
  ): Promise<ReadonlyArray<VersionStatistics> | Refusal> {
    const { releases } = this.#options
    if (model !== undefined) {
      const fault = targetFault(releases, model, version)
      if (fault !== undefined) return fault
    }
    const answers = await this.#ask(model)
    if (answers.length === 0)
      return refuse("noPredictor", "no predictor answers", {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    const found = new Map<string, VersionStatistics>()
    for (const release of releases.models().values())
      for (const name of release.versions.keys())
        found.set(`${release.model}/${name}`, emptyOf(release.model, name))
    for (const one of answers.flatMap(({ versions }) => versions)) {
      const key = `${one.model}/${one.version}`
      const before = found.get(key)
      found.set(key, before === undefined ? one : added(before, one))
    }
    return [...found.values()].filter(
      (one) =>
        (model === undefined || one.model === model) &&
        (version === undefined || one.version === version),
    )
  }

  async #ask(model: string | undefined): Promise<ReadonlyArray<StatisticsAnswer>> {
    const answers = new Map<string, StatisticsAnswer>()
    const known = this.#known
    const quiet = () => {
      if (known === undefined) return FIRST_QUIET_MILLIS
      const missing = [...known].some((one) => !answers.has(one))
      return missing ? MISSING_QUIET_MILLIS : UNKNOWN_QUIET_MILLIS
    }
    const question = statisticsQuestion.encode(model === undefined ? {} : { model })
    await askAll(this.#options.log, ASK_STATISTICS, question, {
      waitMillis: WAIT_MILLIS,
      quietMillis: quiet,
      onAnswer: (data) => {
        const answer = readAnswer(data)
        if (answer !== undefined) answers.set(answer.predictor, answer)
        return true
      },
    })
    this.#known = new Set(answers.keys())
    return [...answers.values()]
  }
}

/** Undefined for what a predictor of another release may say. */
const readAnswer = (data: Uint8Array): StatisticsAnswer | undefined => {
  try {
    return statisticsAnswer.decode(data)
  } catch {
    return undefined
  }
}

const durationOf = ({ count, nanos }: Duration) => ({ count, ns: Math.round(nanos) })

/** As the protocol writes it. */
export const statisticsDocument = (all: ReadonlyArray<VersionStatistics>) => ({
  model_stats: all.map((one) => ({
    name: one.model,
    version: one.version,
    last_inference: one.lastInference,
    inference_count: one.inferences,
    execution_count: one.executions,
    inference_stats: {
      success: durationOf(one.success),
      fail: durationOf(one.fail),
      queue: durationOf(one.queue),
      compute_input: durationOf(one.input),
      compute_infer: durationOf(one.infer),
      compute_output: durationOf(one.output),
      cache_hit: durationOf(none),
      cache_miss: durationOf(none),
    },
    batch_stats: one.batches.map(({ rows, count, inputNanos, inferNanos, outputNanos }) => ({
      batch_size: rows,
      compute_input: durationOf({ count, nanos: inputNanos }),
      compute_infer: durationOf({ count, nanos: inferNanos }),
      compute_output: durationOf({ count, nanos: outputNanos }),
    })),
  })),
})
