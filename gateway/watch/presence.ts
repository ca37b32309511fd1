// Whether there is a predictor at all, as the server knows it at once: that nobody listens to a
// question for predictors. It says nothing of one that listens and does not work.
import { askAll } from "#core/log/questions"
import type { Log } from "#core/log/log"
import { statisticsQuestion } from "#proto/questions"
import { ASK_STATISTICS } from "#proto/subjects"

/** Where nobody listens the server says so within milliseconds; who listens may be busy. */
const WAIT_MILLIS = 250
/** What of one model alone was served, whatever its name: a short answer. */
const QUESTION = statisticsQuestion.encode({ model: "-" })

/** Whether a predictor listens. `now` gives milliseconds of a monotonic clock. */
export const hasPredictor = async (log: Log, now: () => number): Promise<boolean> => {
  const askedAt = now()
  let answered = false
  await askAll(log, ASK_STATISTICS, QUESTION, {
    waitMillis: WAIT_MILLIS,
    onAnswer: () => {
      answered = true
      return false
    },
  })
  return answered || now() - askedAt > WAIT_MILLIS / 2
}
