// The operator's own target of alerts, as the environment gives it.
import { WEBHOOK_KINDS } from "#proto/webhook"
import { choice, secret, type ValuesOf } from "../service/settings.ts"
import { readSecrets } from "./signature.ts"
import { operatorTarget, type Target } from "./target.ts"

/** Name of the target that DRIFT_WEBHOOK makes. */
export const OPERATOR_TARGET = "drift-webhook"

export const alertSettings = {
  // A URL of a chat service is a secret by itself.
  driftWebhook: secret("DRIFT_WEBHOOK", "Where alerts about drift go: a URL, private ones too"),
  driftWebhookKind: choice(
    "DRIFT_WEBHOOK_KIND",
    "What the receiver of DRIFT_WEBHOOK understands",
    "standard",
    WEBHOOK_KINDS,
  ),
  driftWebhookSecret: secret(
    "DRIFT_WEBHOOK_SECRET",
    "Signs alerts to DRIFT_WEBHOOK: whsec_… as Standard Webhooks has it; two during a rotation",
  ),
} as const

/**
 * The targets that the operator configured; none without DRIFT_WEBHOOK.
 *
 * @throws TargetRefused, SecretInvalid.
 */
export const operatorTargets = (values: ValuesOf<typeof alertSettings>): ReadonlyArray<Target> => {
  const { driftWebhook: url, driftWebhookKind: kind, driftWebhookSecret } = values
  const secrets = readSecrets(driftWebhookSecret)
  return url === undefined ? [] : [operatorTarget({ name: OPERATOR_TARGET, kind, url, secrets })]
}
