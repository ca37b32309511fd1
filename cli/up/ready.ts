// Asks the gateway until it can answer, and says what it waits for when that takes long. A question
// that fails says nothing: what the gateway answered last is the better reason.
import { Option, Schema } from "effect"

/** Starting takes about a second; whoever waits for longer wants to know for what. */
const TOLD_AFTER_MILLIS = 5_000
const ASK_AGAIN_MILLIS = 50
/** Once it was told, nobody counts milliseconds any more. */
const ASK_AGAIN_SLOWLY_MILLIS = 500
const ANSWER_WAIT_MILLIS = 5_000

const NotReady = Schema.Struct({ reasons: Schema.Array(Schema.String) })
const readNotReady = Schema.decodeUnknownOption(Schema.fromJsonString(NotReady))

type Answer = { readonly ready: true } | { readonly ready: false; readonly said: string }

const ask = async (url: string, signal: AbortSignal): Promise<Answer | undefined> => {
  try {
    const answer = await fetch(`${url}/v2/health/ready`, { signal })
    const text = await answer.text()
    if (answer.ok) return { ready: true }
    const reasons = Option.map(readNotReady(text), (body) => body.reasons.join(", "))
    return { ready: false, said: Option.getOrElse(reasons, () => `status ${answer.status}`) }
  } catch {
    return undefined
  }
}

export interface ReadyOptions {
  readonly stopping: AbortSignal
  /** What is waited for; called when it has taken long, and again when it changes. */
  readonly onWaiting: (said: string) => void
  readonly toldAfterMillis?: number
}

/** True when the gateway at `url` can answer, false when it was stopped before. */
export const isReady = async (url: string, options: ReadyOptions): Promise<boolean> => {
  const { stopping, onWaiting, toldAfterMillis = TOLD_AFTER_MILLIS } = options
  const began = performance.now()
  let said = "the gateway does not answer"
  let told: string | undefined
  while (!stopping.aborted) {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(ANSWER_WAIT_MILLIS)])
    const answer = await ask(url, signal)
    if (answer?.ready === true) return true
    said = answer?.said ?? said
    if (said !== told && !stopping.aborted && performance.now() - began >= toldAfterMillis) {
      told = said
      onWaiting(said)
    }
    await Bun.sleep(told === undefined ? ASK_AGAIN_MILLIS : ASK_AGAIN_SLOWLY_MILLIS)
  }
  return false
}
