// A target that was created at run time, told as facts: `decide` turns a command into facts or
// refuses it, `evolve` folds facts into state. Pure: time and new secrets come with the command.
import { isModelName, isVersionName } from "#proto/names"
import {
  WebhookAdded,
  WebhookFact,
  WebhookRemoved,
  WebhookRetryRequested,
  WebhookSecretRotated,
  type WebhookKind,
} from "#proto/webhook"
import { secretKey } from "./signature.ts"
import { checkApiUrl, TargetRefused, type Target } from "./target.ts"

/** Targets that may be created; each gets every alert. */
export const SUBSCRIPTIONS_MAX = 32
const MODELS_MAX = 64
/** For how long a rotated secret still signs: receivers change theirs meanwhile. */
export const ROTATION_MILLIS = 24 * 3_600_000

export interface Add {
  readonly type: "Add"
  readonly kind: WebhookKind
  readonly url: string
  readonly secret: string
  readonly models?: ReadonlyArray<string> | undefined
  /** Milliseconds since 1970, as in every command. */
  readonly at: number
}
export type SubscriptionCommand =
  | Add
  | { readonly type: "Rotate"; readonly secret: string; readonly at: number }
  | { readonly type: "Remove"; readonly at: number }
  /** May also name a target of the operator, which has no facts. */
  | { readonly type: "Retry"; readonly alert?: string | undefined; readonly at: number }

export interface Subscription {
  readonly name: string
  readonly added: typeof WebhookAdded.Type | undefined
  readonly rotated: typeof WebhookSecretRotated.Type | undefined
  /** The secret before the one of `rotated`. */
  readonly previousSecret: string | undefined
}

export const initialSubscription = (name: string): Subscription => ({
  name,
  added: undefined,
  rotated: undefined,
  previousSecret: undefined,
})

const secretOf = ({ added, rotated }: Subscription): string | undefined =>
  rotated?.secret ?? added?.secret

type Decision = ReadonlyArray<WebhookFact> | TargetRefused

/**
 * What the command changes, or why it is refused.
 *
 * @throws SecretInvalid
 */
export const decide = (command: SubscriptionCommand, state: Subscription): Decision => {
  const { name } = state
  const { at } = command
  if (!isVersionName(name))
    return new TargetRefused({ name: "?", reason: `"${name.slice(0, 80)}" is no name` })
  switch (command.type) {
    case "Add":
      return add(command, state)
    case "Rotate":
      secretKey(command.secret)
      if (state.added === undefined) return unknown(name)
      return [
        WebhookSecretRotated.make({
          name,
          secret: command.secret,
          previousUntil: at + ROTATION_MILLIS,
          at,
        }),
      ]
    case "Remove":
      return state.added === undefined ? unknown(name) : [WebhookRemoved.make({ name, at })]
    case "Retry": {
      const { alert } = command
      return [WebhookRetryRequested.make({ name, at, ...(alert === undefined ? {} : { alert }) })]
    }
  }
}

const unknown = (name: string) =>
  new TargetRefused({ name, reason: "there is no such target that was added" })

const add = (command: Add, { name, added }: Subscription): Decision => {
  const { kind, url, secret, models, at } = command
  const refuse = (reason: string) => new TargetRefused({ name, reason })
  try {
    checkApiUrl(name, url)
  } catch (cause) {
    if (cause instanceof TargetRefused) return cause
    throw cause
  }
  secretKey(secret)
  if (added !== undefined) return refuse("it exists; remove it first")
  if (models !== undefined && (models.length === 0 || models.length > MODELS_MAX))
    return refuse(`1 to ${MODELS_MAX} models can be named`)
  const wrong = models?.find((model) => !isModelName(model))
  if (wrong !== undefined) return refuse(`"${wrong.slice(0, 80)}" is no model name`)
  return [
    WebhookAdded.make({ name, kind, url, secret, ...(models === undefined ? {} : { models }), at }),
  ]
}

export const evolve = (state: Subscription, fact: WebhookFact): Subscription =>
  WebhookFact.match(fact, {
    WebhookAdded: (added) => ({ ...initialSubscription(state.name), added }),
    WebhookSecretRotated: (rotated) => ({ ...state, rotated, previousSecret: secretOf(state) }),
    WebhookRemoved: () => initialSubscription(state.name),
    WebhookRetryRequested: () => state,
  })

/** The target as it is at a time; undefined when it was removed or never added. */
export const targetOf = (state: Subscription, now: number): Target | undefined => {
  const { name, added, rotated, previousSecret } = state
  if (added === undefined) return undefined
  const isRotating = rotated !== undefined && now < rotated.previousUntil
  const previous = isRotating && previousSecret !== undefined ? [previousSecret] : []
  const { kind, url, models } = added
  const secrets = [rotated?.secret ?? added.secret, ...previous]
  return { name, kind, url, secrets, trusted: false, since: added.at, models }
}
