// A made-up alert and its end, so that somebody who sets a target up sees it work. It is sent once,
// recorded nowhere, and names a model that cannot be taken for a real one.
import { DriftCleared, DriftDetected } from "#proto/finding"
import { messageFor } from "./delivery.ts"
import type { Reply } from "./schedule.ts"
import type { Send } from "./send.ts"
import type { Target } from "./target.ts"

export const TRIAL_MODEL = "weir-webhook-test"

/** Sends both, one after the other; resolves to the replies. `id` makes this trial another one. */
export const sendTrial = async (
  target: Target,
  send: Send,
  id: string,
  now: () => number,
): Promise<ReadonlyArray<Reply>> => {
  const shared = {
    model: TRIAL_MODEL,
    window: { from: 1, to: 1_000, rows: 1_000, facts: 1_000, failed: 0 },
    number: 1,
    reference: "0".repeat(64),
    at: now(),
  }
  const detected = DriftDetected.make({
    ...shared,
    id: `${id}-detected`,
    features: [
      { name: "example", test: "ks", statistic: 0.1, pvalue: 0.001, threshold: 0.01, effect: 0.1 },
    ],
  })
  const cleared = DriftCleared.make({
    ...shared,
    id: `${id}-cleared`,
    features: [{ name: "example" }],
    reason: "recovered",
  })
  const replies: Array<Reply> = []
  for (const finding of [detected, cleared])
    replies.push(await send(target, messageFor(target, finding, now())))
  return replies
}
