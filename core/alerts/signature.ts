// Signatures of Standard Webhooks 1.0, symmetric: a receiver that knows the secret can tell who
// sent a message and when. It keeps no secrets and sends nothing.
import { createHmac, timingSafeEqual } from "node:crypto"
import { Schema } from "effect"

const SECRET_PREFIX = "whsec_"
/** The standard's bounds of a secret. */
const SECRET_MIN_BYTES = 24
const SECRET_MAX_BYTES = 64
const SECRET_NEW_BYTES = 32
/** A message that is older or newer than this is refused: it may be a replay. */
export const TOLERANCE_SECONDS = 300
/** Secrets that sign one message; two during a rotation. */
export const SECRETS_MAX = 4

export const WEBHOOK_ID = "webhook-id"
export const WEBHOOK_TIMESTAMP = "webhook-timestamp"
export const WEBHOOK_SIGNATURE = "webhook-signature"

/** The secret is not what Standard Webhooks asks for. Its text is never repeated. */
export class SecretInvalid extends Schema.TaggedError<SecretInvalid>()("SecretInvalid", {
  reason: Schema.String,
}) {
  override get message() {
    const bytes = `${SECRET_MIN_BYTES} to ${SECRET_MAX_BYTES} bytes`
    return `a webhook secret is "whsec_" and ${bytes} as base64: ${this.reason}`
  }
}

/** Key bytes of a secret; throws SecretInvalid. */
export const secretKey = (secret: string): Uint8Array => {
  if (!secret.startsWith(SECRET_PREFIX))
    throw new SecretInvalid({ reason: `it does not begin with "${SECRET_PREFIX}"` })
  const encoded = secret.slice(SECRET_PREFIX.length)
  const key = Buffer.from(encoded, "base64")
  // Buffer skips what is no base64 and would make another, shorter key of it.
  if (key.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, ""))
    throw new SecretInvalid({ reason: "the rest is no base64" })
  if (key.byteLength < SECRET_MIN_BYTES || key.byteLength > SECRET_MAX_BYTES)
    throw new SecretInvalid({ reason: `it has ${key.byteLength} bytes` })
  return key
}

/** A new secret; `randomBytes` must be a source fit for keys. */
export const makeSecret = (randomBytes: (bytes: number) => Uint8Array): string =>
  SECRET_PREFIX + Buffer.from(randomBytes(SECRET_NEW_BYTES)).toString("base64")

/**
 * Reads secrets that are separated by spaces or commas, the newest first.
 *
 * @throws SecretInvalid
 */
export const readSecrets = (text: string | undefined): ReadonlyArray<string> => {
  const secrets = (text ?? "").split(/[\s,]+/).filter((part) => part !== "")
  if (secrets.length > SECRETS_MAX)
    throw new SecretInvalid({ reason: `there are ${secrets.length}, at most ${SECRETS_MAX} sign` })
  for (const secret of secrets) secretKey(secret)
  return secrets
}

const signatureOf = (secret: string, id: string, seconds: string, body: Uint8Array): Buffer =>
  createHmac("sha256", secretKey(secret)).update(`${id}.${seconds}.`).update(body).digest()

export interface SignedHeaders {
  readonly [WEBHOOK_ID]: string
  readonly [WEBHOOK_TIMESTAMP]: string
  readonly [WEBHOOK_SIGNATURE]?: string
}

/**
 * The headers of a message: its id, the time of this attempt (whole seconds since 1970), and one
 * signature for each secret. Without secrets there is no signature.
 */
export const signedHeaders = (
  secrets: ReadonlyArray<string>,
  id: string,
  seconds: number,
  body: Uint8Array,
): SignedHeaders => {
  const stamp = String(seconds)
  const base = { [WEBHOOK_ID]: id, [WEBHOOK_TIMESTAMP]: stamp }
  if (secrets.length === 0) return base
  const signatures = secrets.map(
    (secret) => `v1,${signatureOf(secret, id, stamp, body).toString("base64")}`,
  )
  return { ...base, [WEBHOOK_SIGNATURE]: signatures.join(" ") }
}

export type Verdict =
  | { readonly valid: true }
  | { readonly valid: false; readonly reason: "headers" | "stale" | "signature" }

/** Checks a received message against the secrets; `nowSeconds` is the receiver's clock. */
export const verify = (
  secrets: ReadonlyArray<string>,
  header: (name: string) => string | null | undefined,
  body: Uint8Array,
  nowSeconds: number,
): Verdict => {
  const id = header(WEBHOOK_ID)
  const stamp = header(WEBHOOK_TIMESTAMP)
  const list = header(WEBHOOK_SIGNATURE)
  if (!id || !stamp || !list || !/^\d{1,12}$/.test(stamp))
    return { valid: false, reason: "headers" }
  if (Math.abs(nowSeconds - Number(stamp)) > TOLERANCE_SECONDS)
    return { valid: false, reason: "stale" }
  const expected = secrets.map((secret) => signatureOf(secret, id, stamp, body))
  const valid = list
    .split(" ")
    .filter((part) => part.startsWith("v1,"))
    .map((part) => Buffer.from(part.slice(3), "base64"))
    .some((given) =>
      expected.some((own) => own.byteLength === given.byteLength && timingSafeEqual(own, given)),
    )
  return valid ? { valid } : { valid, reason: "signature" }
}
