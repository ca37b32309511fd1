// Facts about the keys by which callers are known: who may do what, and since when no longer. A key
// itself is in none of them, only what a gateway needs to recognise it.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"

const CALLER_NAME = /^[A-Za-z0-9_\-]{1,64}$/u

/** The name of a caller: it stands in subjects, in facts and in the digest of idempotency keys. */
export const CallerName = Schema.String.check(Schema.isPattern(CALLER_NAME))
export const isCallerName = (text: string): boolean => CALLER_NAME.test(text)

/**
 * predict: ask and fetch one's own answers; read: every answer; operate: change what is served;
 * label: say what came true of any prediction.
 */
export const Scope = Schema.Literals(["predict", "read", "operate", "label"])
export type Scope = typeof Scope.Type
export const SCOPES: ReadonlyArray<Scope> = Scope.literals

/** HMAC-SHA-256 of the key with the pepper, hexadecimal. */
const KeyDigest = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u))
/** Milliseconds since 1970. */
const At = Schema.Finite

export const KeyCreated = Schema.TaggedStruct("KeyCreated", {
  name: CallerName,
  digest: KeyDigest,
  /** Tells which pepper the digest was made with, and nothing about it. */
  pepper: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u)),
  scopes: Schema.Array(Scope),
  /** Requests a second at each gateway; as many as it likes when absent. */
  ratePerSecond: Schema.optionalKey(Schema.Finite),
  at: At,
})
export const KeyRevoked = Schema.TaggedStruct("KeyRevoked", {
  name: CallerName,
  digest: KeyDigest,
  at: At,
})

export const AccessFact = Schema.Union([KeyCreated, KeyRevoked]).pipe(Schema.toTaggedUnion("_tag"))
export type AccessFact = typeof AccessFact.Type

export const ACCESS_FORMAT = 1
export const accessCodec = jsonCodec("access fact", AccessFact, ACCESS_FORMAT)
