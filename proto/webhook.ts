// What is written about webhooks: the targets that were created at run time are decisions (EVENTS),
// each attempt to deliver an alert is a finding (FINDINGS). Secrets stand in the decisions, so
// whoever may read EVENTS may sign.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { ModelName, VersionName } from "./names.ts"

/** Milliseconds since 1970. */
const At = Schema.Finite
/** Names of targets follow the rule of version names. */
const WebhookName = VersionName
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export const WebhookKind = Schema.Literals(["standard", "cloudevents", "slack", "alertmanager"])
export type WebhookKind = typeof WebhookKind.Type
export const WEBHOOK_KINDS: ReadonlyArray<WebhookKind> = WebhookKind.literals

export const WebhookAdded = Schema.TaggedStruct("WebhookAdded", {
  name: WebhookName,
  kind: WebhookKind,
  url: Schema.String,
  /** Signing secret, `whsec_…`. */
  secret: Schema.String,
  /** Models whose alerts it gets; without it, all. */
  models: Schema.optionalKey(Schema.Array(ModelName)),
  at: At,
})
/**
 * From now on deliveries are signed with this secret, and until `previousUntil` also with the one
 * before.
 */
export const WebhookSecretRotated = Schema.TaggedStruct("WebhookSecretRotated", {
  name: WebhookName,
  secret: Schema.String,
  previousUntil: At,
  at: At,
})
export const WebhookRemoved = Schema.TaggedStruct("WebhookRemoved", { name: WebhookName, at: At })
/** Somebody wants failed deliveries tried again, from now on and by a fresh schedule. */
export const WebhookRetryRequested = Schema.TaggedStruct("WebhookRetryRequested", {
  name: WebhookName,
  /** Without it: everything that failed at this target. With it, also what was delivered. */
  alert: Schema.optionalKey(Schema.String),
  at: At,
})

export const WebhookFact = Schema.Union([
  WebhookAdded,
  WebhookSecretRotated,
  WebhookRemoved,
  WebhookRetryRequested,
]).pipe(Schema.toTaggedUnion("_tag"))
export type WebhookFact = typeof WebhookFact.Type

/** What follows from an attempt. Only `waiting` leads to another one by itself. */
export const DeliveryOutcome = Schema.Literals([
  "delivered",
  "waiting",
  /** The schedule has ended. */
  "exhausted",
  /** The receiver said 410 Gone: nothing more goes there. */
  "disabled",
  /** Not attempted: too many alerts waited. */
  "dropped",
])
export type DeliveryOutcome = typeof DeliveryOutcome.Type

export const WebhookAttempted = Schema.TaggedStruct("WebhookAttempted", {
  /** Sequence in `FINDINGS` of what the alert is about. */
  alert: Schema.String,
  model: ModelName,
  target: WebhookName,
  /**
   * Digest of the target's URL: a target that was given another one begins without the old one's
   * faults.
   */
  endpoint: Schema.String,
  /** Counted over all attempts of this alert at this target, from 1. */
  attempt: Count,
  /** Counted since the schedule began, or began again by a retry. */
  step: Count,
  /** HTTP status, when there was an answer. */
  status: Schema.optionalKey(Schema.Int),
  /** Why there was none. */
  error: Schema.optionalKey(Schema.String),
  outcome: DeliveryOutcome,
  /** With `waiting`: when the next attempt is due. */
  nextAt: Schema.optionalKey(At),
  at: At,
})
export type WebhookAttempted = typeof WebhookAttempted.Type

export const WEBHOOK_FORMAT = 1
export const webhookCodec = jsonCodec("webhook fact", WebhookFact, WEBHOOK_FORMAT)
export const WEBHOOK_ATTEMPT_FORMAT = 1
export const webhookAttemptCodec = jsonCodec(
  "webhook attempt",
  WebhookAttempted,
  WEBHOOK_ATTEMPT_FORMAT,
)
