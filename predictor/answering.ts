// Answers the questions that are put to all predictors at once: what this one has served, and
// whether it holds a version. What it cannot read it leaves unanswered.
import { randomUUID } from "node:crypto"
import type { Log } from "../core/log/log.ts"
import { answerAll } from "../core/log/questions.ts"
import type { Releases } from "../core/registry/releases.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import {
  holdAnswer,
  holdQuestion,
  statisticsAnswer,
  statisticsQuestion,
  type HoldAnswer,
} from "../proto/questions.ts"
import { ASK_HOLD, ASK_STATISTICS } from "../proto/subjects.ts"
import type { Models } from "./models.ts"
import type { ServedStatistics } from "./statistics.ts"

export interface AnsweringOptions {
  readonly log: Log
  readonly logger: Logger
  readonly releases: Releases
  readonly models: Models
  readonly statistics: ServedStatistics
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Answering {
  readonly stop: () => void
}

/** Answers from now on, until it is stopped or the connection ends. */
export const startAnswering = (options: AnsweringOptions): Answering => {
  const { log, logger, releases, models, statistics, now } = options
  const predictor = randomUUID()
  const since = now()

  const hold = async (model: string, pinned: string | undefined): Promise<HoldAnswer> => {
    try {
      // The question comes right after the decision, which may still be on its way to us.
      await releases.caughtUp()
      const found = releases.resolve(model, pinned)
      if (found.kind !== "version") return { predictor, refused: `${model}: it is not loaded` }
      await models.hold(found)
      return { predictor }
    } catch (cause) {
      return { predictor, refused: reasonOf(cause) }
    }
  }

  const listen = (subject: string, answer: (question: Uint8Array) => Promise<Uint8Array>) =>
    answerAll(log, subject, answer, (cause) =>
      logger.warn("a question was not answered", { subject, reason: reasonOf(cause) }),
    )

  const endings = [
    listen(ASK_STATISTICS, async (data) => {
      const { model } = statisticsQuestion.decode(data)
      return statisticsAnswer.encode({ predictor, since, versions: statistics.view(model) })
    }),
    listen(ASK_HOLD, async (data) => {
      const { model, version } = holdQuestion.decode(data)
      return holdAnswer.encode(await hold(model, version))
    }),
  ]
  return { stop: () => endings.forEach((end) => end()) }
}
