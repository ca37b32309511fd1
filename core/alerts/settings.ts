// The operator's own target of alerts, as the environment gives it.
import { WEBHOOK_KINDS } from "#proto/webhook"
import { choice, secret, type ValuesOf } from "../service/settings.ts"
import { readSecrets } from "./signature.ts"
import { operatorTarget, type Target } from "./target.ts"

/** Name of the target that DRIFT_WEBHOOK makes. */
export const OPERATOR_TARGET = "drift-webhook"

const CONFIGURED_BY: ReadonlyMap<string, string> = new Map([[OPERATOR_TARGET, "DRIFT_WEBHOOK"]])

/**
 * The variable that configures the target of this name. Such a name is reserved also where the
 * variable is not set: the monitor's environment is another than that of whoever asks.
 */
export const configuredBy = (name: string): string | undefined => CONFIGURED_BY.get(name)

/** Says what was expected where `read` throws, with its reason, which never holds the secret. */
const refused = (expected: string, read: () => unknown): void => {
  try {
    read()
  } catch (cause) {
    throw new Error(`${expected} (${cause instanceof Error ? cause.message : String(cause)})`)
  }
}

export const alertSettings = {
  // A URL of a chat service is a secret by itself.
  driftWebhook: {
    ...secret("DRIFT_WEBHOOK", "Where alerts about drift go: a URL, private ones too"),
    read: (url: string) => {
      refused("an http or https URL", () =>
        operatorTarget({ name: OPERATOR_TARGET, kind: "standard", url, secrets: [] }),
      )
      return url
    },
  },
  driftWebhookKind: choice(
    "DRIFT_WEBHOOK_KIND",
    "What the receiver of DRIFT_WEBHOOK understands",
    "standard",
    WEBHOOK_KINDS,
  ),
  driftWebhookSecret: {
    ...secret(
      "DRIFT_WEBHOOK_SECRET",
      "Signs alerts to DRIFT_WEBHOOK: whsec_… as Standard Webhooks has it; two during a rotation",
    ),
    read: (text: string) => {
      refused("whsec_… with a key in base64", () => readSecrets(text))
      return text
    },
  },
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
