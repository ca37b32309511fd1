// Which keys a caller has: decided and folded from its facts. Pure: digests and times come in. It
// never sees a key.
import { Schema } from "effect"
import { isCallerName, type AccessFact, type Scope } from "#proto/access"

/** Enough to exchange a key without a gap; more would be keys that nobody remembers. */
export const KEYS_PER_CALLER_MAX = 4
export const RATE_MAX_PER_SECOND = 1_000_000
/** Characters of a digest by which people name one of several keys. */
export const KEY_ID_CHARACTERS = 8

export interface Key {
  readonly name: string
  /** HMAC-SHA-256 of the key, hexadecimal. */
  readonly digest: string
  readonly pepper: string
  readonly scopes: ReadonlyArray<Scope>
  readonly ratePerSecond: number | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** The keys of one caller that are valid, oldest first, and how many are no longer. */
export interface CallerKeys {
  readonly name: string
  readonly keys: ReadonlyArray<Key>
  readonly revoked: number
}

export const initialCaller = (name: string): CallerKeys => ({ name, keys: [], revoked: 0 })

export type AccessCommand =
  | {
      readonly type: "Create"
      readonly digest: string
      readonly pepper: string
      readonly scopes: ReadonlyArray<Scope>
      readonly ratePerSecond: number | undefined
      /** Beside the keys that are there, to exchange them without a gap. */
      readonly beside: boolean
      readonly at: number
    }
  /** One key by the beginning of its digest, or all of the caller's. */
  | { readonly type: "Revoke"; readonly keyId: string | undefined; readonly at: number }

export class AccessRefused extends Schema.TaggedError<AccessRefused>()("AccessRefused", {
  name: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `key ${JSON.stringify(this.name)}: ${this.reason}`
  }
}

export const keyIdOf = ({ digest }: Pick<Key, "digest">): string =>
  digest.slice(0, KEY_ID_CHARACTERS)

const create = (
  command: Extract<AccessCommand, { type: "Create" }>,
  { name, keys }: CallerKeys,
): string | ReadonlyArray<AccessFact> => {
  const { digest, pepper, scopes, ratePerSecond, beside, at } = command
  if (scopes.length === 0) return "expected at least one scope"
  if (ratePerSecond !== undefined && !(ratePerSecond > 0 && ratePerSecond <= RATE_MAX_PER_SECOND))
    return `the rate must be above 0 and at most ${RATE_MAX_PER_SECOND} a second`
  if (keys.length > 0 && !beside) return "there is one already: revoke it, or add one beside it"
  if (keys.length >= KEYS_PER_CALLER_MAX)
    return `there are ${keys.length} already, the most one caller can have`
  const rate = ratePerSecond === undefined ? {} : { ratePerSecond }
  return [{ _tag: "KeyCreated", name, digest, pepper, scopes: [...new Set(scopes)], ...rate, at }]
}

const revoke = (
  { keyId, at }: Extract<AccessCommand, { type: "Revoke" }>,
  { name, keys }: CallerKeys,
): string | ReadonlyArray<AccessFact> => {
  if (keys.length === 0) return "there is none to revoke"
  const meant = keyId === undefined ? keys : keys.filter((key) => keyIdOf(key) === keyId)
  if (meant.length === 0) return `none of its keys is ${keyId}`
  return meant.map(({ digest }) => ({ _tag: "KeyRevoked", name, digest, at }))
}

/** The facts that follow from a command, or why there are none. */
export const decide = (
  command: AccessCommand,
  state: CallerKeys,
): ReadonlyArray<AccessFact> | AccessRefused => {
  const { name } = state
  if (!isCallerName(name))
    return new AccessRefused({ name, reason: "expected 1 to 64 of A-Z a-z 0-9 _ -" })
  const decided = command.type === "Create" ? create(command, state) : revoke(command, state)
  return typeof decided === "string" ? new AccessRefused({ name, reason: decided }) : decided
}

/** The state after a fact. A fact about a key that is not there changes nothing. */
export const evolve = (state: CallerKeys, fact: AccessFact): CallerKeys => {
  if (fact._tag === "KeyRevoked") {
    const keys = state.keys.filter(({ digest }) => digest !== fact.digest)
    return { ...state, keys, revoked: state.revoked + state.keys.length - keys.length }
  }
  const { name, digest, pepper, scopes, ratePerSecond, at } = fact
  return {
    ...state,
    keys: [...state.keys, { name, digest, pepper, scopes, ratePerSecond, createdAt: at }],
  }
}
