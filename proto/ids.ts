// Ids of requests. Pure: time and randomness are handed in.
import { hash } from "node:crypto"

const ALPHABET = Buffer.from("0123456789abcdefghijklmnopqrstuv", "latin1")
const ID_BYTES = 16
const ID_CHARACTERS = 26
/** Of the random bytes that go into an id. */
export const ID_RANDOM_BYTES = 10

// Reused: a text that grows by a character at a time is a text for each of them.
const letters = Buffer.allocUnsafeSlow(ID_CHARACTERS)
const idBytes = new Uint8Array(ID_BYTES)

/**
 * 16 bytes as 26 characters of base32hex, lower case; the order of ids is the order of their bytes.
 */
export const base32hex = (bytes: Uint8Array): string => {
  let at = 0
  let held = 0
  let bits = 0
  for (let index = 0; index < ID_BYTES; index++) {
    held = (held << 8) | (bytes[index] ?? 0)
    bits += 8
    while (bits >= 5) {
      bits -= 5
      letters[at++] = ALPHABET[(held >>> bits) & 31] ?? 0
    }
    held &= 31
  }
  letters[at] = ALPHABET[(held << (5 - bits)) & 31] ?? 0
  return letters.toString("latin1")
}

/**
 * A UUIDv7 (RFC 9562) in base32hex: 48 bits of milliseconds, then 74 random bits.
 * `random` gives at least 10 bytes from `from` on; its contents are not changed.
 */
export const timeOrderedId = (nowMillis: number, random: Uint8Array, from = 0): string => {
  const high = Math.floor(nowMillis / 2 ** 32)
  idBytes[0] = high >>> 8
  idBytes[1] = high
  idBytes[2] = nowMillis >>> 24
  idBytes[3] = nowMillis >>> 16
  idBytes[4] = nowMillis >>> 8
  idBytes[5] = nowMillis
  for (let index = 0; index < ID_RANDOM_BYTES; index++)
    idBytes[6 + index] = random[from + index] ?? 0
  idBytes[6] = 0x70 | ((idBytes[6] ?? 0) & 0x0f)
  idBytes[8] = 0x80 | ((idBytes[8] ?? 0) & 0x3f)
  return base32hex(idBytes)
}

/** Longest `Idempotency-Key`. */
export const KEY_MAX_CHARACTERS = 255
const PRINTABLE = /^[\x20-\x7e]+$/

/**
 * Whether a text may be an `Idempotency-Key`. What several headers are joined with (", ") may not
 * stand in it: of two keys none can be chosen.
 */
export const isKey = (key: string): boolean =>
  key.length <= KEY_MAX_CHARACTERS && PRINTABLE.test(key) && !key.includes(", ")

/** The id of an idempotency key: the same caller, model and key always give the same id. */
export const keyedId = (caller: string, model: string, key: string): string => {
  let text = ""
  // Lengths go in front, so that no two triples run together into the same text.
  for (const part of [caller, model, key]) text += `${Buffer.byteLength(part)}:${part}`
  return base32hex(hash("sha256", text, "buffer"))
}
