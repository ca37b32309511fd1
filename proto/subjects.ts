// Every subject of the log is spelled here and nowhere else. The builders take checked names
// (names.ts).
import { isLogId, isModelName, modelOfToken, modelToken } from "./names.ts"

export const REQUESTS = "REQUESTS"
export const PREDICTIONS = "PREDICTIONS"
export const HISTORY = "HISTORY"
export const EVENTS = "EVENTS"
export const FINDINGS = "FINDINGS"
export const DEAD_LETTERS = "DEAD_LETTERS"
export const ADVISORIES = "ADVISORIES"
/** The durable consumer of `REQUESTS` that all predictors share. */
export const PREDICTOR = "predictor"
/** The durable consumer of `ADVISORIES` that the reapers share. */
export const REAPER = "reaper"
/** The bucket of the object store that holds model bytes. */
export const MODELS_BUCKET = "weir-models"

export const requestSubject = (model: string, id: string) =>
  `weir.request.${modelToken(model)}.${id}`
/** Where a request goes beside the queue, to a predictor that takes it at once. */
export const fastSubject = (model: string, id: string) => `weir.fast.${modelToken(model)}.${id}`
export const predictionSubject = (model: string, id: string) =>
  `weir.prediction.${modelToken(model)}.${id}`
export const outcomeSubject = (model: string, id: string) =>
  `weir.outcome.${modelToken(model)}.${id}`
export const deadSubject = (model: string, id: string) => `weir.dead.${modelToken(model)}.${id}`
export const historySubject = (model: string) => `weir.history.${modelToken(model)}`
export const eventSubject = (
  aggregate: "release" | "retraining" | "webhook" | "erasure" | "key" | "quality",
  model: string,
) => `weir.event.${aggregate}.${modelToken(model)}`
export const findingSubject = (kind: string, model: string) =>
  `weir.finding.${kind}.${modelToken(model)}`
/**
 * The end of an id, by which whoever made it hears of its fact: nobody can subscribe to half a
 * token. The server takes it from the id as well (`PREDICTION_COPY`).
 */
export const ID_TAIL_CHARACTERS = 4
export const idTail = (id: string) => id.slice(-ID_TAIL_CHARACTERS)
/** Where the server repeats a fact once it is stored, for whoever waits for it. */
export const storedSubject = (model: string, id: string) =>
  `weir.stored.prediction.${modelToken(model)}.${id}.${idTail(id)}`
/** The same for every model and all ids that end so. */
export const storedWithTail = (tail: string) => `weir.stored.prediction.*.*.${tail}`
/** The id of a `storedSubject`. */
export const idOfStored = (subject: string): string => {
  const end = subject.lastIndexOf(".")
  return subject.slice(subject.lastIndexOf(".", end - 1) + 1, end)
}

/** Questions to all predictors at once; their answers go to whoever asked. */
export const ASK_STATISTICS = "weir.ask.statistics"
export const ASK_HOLD = "weir.ask.hold"

export const ALL_REQUESTS = "weir.request.*.*"
export const ALL_FAST = "weir.fast.*.*"
export const ALL_PREDICTIONS = "weir.prediction.*.*"
export const ALL_OUTCOMES = "weir.outcome.*.*"
export const ALL_HISTORY = "weir.history.>"
export const ALL_EVENTS = "weir.event.*.*"
export const ALL_RELEASES = "weir.event.release.*"
export const ALL_WEBHOOKS = "weir.event.webhook.*"
export const ALL_KEYS = "weir.event.key.*"
export const ALL_QUALITY = "weir.event.quality.*"
export const ALL_FINDINGS = "weir.finding.*.*"
export const ALL_WEBHOOK_FINDINGS = "weir.finding.webhook.*"
export const ALL_DEAD = "weir.dead.*.*"
const COPIED_TOKENS = "{{wildcard(1)}}.{{wildcard(2)}}"
const COPIED_TAIL = `{{right(2,${ID_TAIL_CHARACTERS})}}`
export const PREDICTION_COPY = `weir.stored.prediction.${COPIED_TOKENS}.${COPIED_TAIL}`
export const ALL_WEIR = "weir.>"
export const HISTORY_OF_PREDICTION = "weir.history.{{wildcard(1)}}"
export const HISTORY_OF_OUTCOME = "weir.history.{{wildcard(1)}}.outcome"
export const MAX_DELIVERIES_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.REQUESTS.>"

/**
 * Callers that wait for an answer listen below `weir.reply.`, `_INBOX.` or an inbox prefix of their
 * own such as `_INBOX_gateway.`; anything else in `Weir-Reply` is refused.
 */
const REPLY_SUBJECT = /^(weir\.reply|_INBOX(_[A-Za-z0-9_-]+)?)(\.[A-Za-z0-9_-]+){1,8}$/
const REPLY_MAX_CHARACTERS = 200

const GATEWAY_REPLIES = "weir.reply."
export const replyPrefix = (processId: string) => `${GATEWAY_REPLIES}${processId}`
/** Whether a gateway waits there, which has the request itself. */
export const isGatewayReply = (subject: string): boolean => subject.startsWith(GATEWAY_REPLIES)
export const isReplySubject = (subject: string): boolean =>
  subject.length <= REPLY_MAX_CHARACTERS && REPLY_SUBJECT.test(subject)

export interface ModelAndId {
  readonly model: string
  readonly id: string
}

/**
 * Model and id of a subject with four tokens (`weir.<kind>.<model>.<id>`); `undefined` if they are
 * no valid names.
 */
export const modelAndId = (subject: string): ModelAndId | undefined => {
  const afterRoot = subject.indexOf(".") + 1
  const afterKind = subject.indexOf(".", afterRoot) + 1
  const afterToken = subject.indexOf(".", afterKind) + 1
  const isWhole = afterRoot > 0 && afterKind > 0 && afterToken > 0
  if (!isWhole || subject.includes(".", afterToken)) return undefined
  const model = modelOfToken(subject.slice(afterKind, afterToken - 1))
  const id = subject.slice(afterToken)
  return isModelName(model) && isLogId(id) ? { model, id } : undefined
}

/**
 * The tokens as they stand in the subject, valid names or not; for what must be filed under them
 * all the same.
 */
export const rawModelAndId = (subject: string): ModelAndId => {
  const [, , token, id] = subject.split(".")
  return { model: modelOfToken(token ?? ""), id: id ?? "" }
}

/**
 * The model of `weir.event.<aggregate>.<model>`, `weir.history.<model>` and
 * `weir.finding.<kind>.<model>`.
 */
export const modelOfEvent = (subject: string): string => modelOfToken(subject.split(".")[3] ?? "")
export const modelOfHistory = (subject: string): string => modelOfToken(subject.split(".")[2] ?? "")
