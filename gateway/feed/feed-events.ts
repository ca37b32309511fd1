// Facts as server-sent events. What an event says depends on the fact alone, so that it is the same
// from whichever log and gateway it comes.
import { BadRequest } from "#core/inference/bad-request"
import { tensorText } from "#core/inference/json-answer"
import type { FactView } from "../predictions/fact-view.ts"
import type { FeedGap } from "./feed.ts"
import { failureMessage } from "../http/status.ts"

export type FeedOutcome = "predicted" | "failed"

export const outcomeOf = ({ failure }: Pick<FactView, "failure">): FeedOutcome =>
  failure === undefined ? "predicted" : "failed"

/** The id of an event is the position after which a reader goes on. */
const event = (name: string, position: number, data: string): string =>
  `event: ${name}\nid: ${position}\ndata: ${data}\n\n`

const outputsText = (fact: FactView): string => {
  const texts = (fact.outputs ?? []).map(tensorText)
  const wrong = texts.find((text) => text instanceof BadRequest)
  if (wrong instanceof BadRequest)
    return `"outputs":[],"unsupported":${JSON.stringify(wrong.message)}`
  return `"outputs":[${texts.join(",")}]`
}

export const factEvent = (fact: FactView, position: number): string => {
  const { id, model, version, clientId, failure } = fact
  const head = JSON.stringify({ id, model, version, position, client_id: clientId }).slice(0, -1)
  if (failure === undefined) return event("prediction", position, `${head},${outputsText(fact)}}`)
  const { reason, message } = failure
  const told = JSON.stringify({ reason, message: failureMessage(reason, message) })
  return event("failure", position, `${head},"failure":${told}}`)
}

export const gapEvent = ({ from, to }: FeedGap): string =>
  event("gap", to, JSON.stringify({ from, to }))

/** Says that the feed lives, and how far it has come without anything to tell. */
export const heartbeat = (position: number): string => `id: ${position}\n: still here\n\n`

/** The first words: how soon to come back, and where to go on if nothing else was said. */
export const opening = (position: number, retryMillis: number): string =>
  `retry: ${retryMillis}\nid: ${position}\n: from here on\n\n`
