// Keys and the pepper under which they are digested. A key is random and long, so one HMAC is
// enough to store it by; the pepper makes a digest that leaked from the log useless.
import { createHmac, createSecretKey, randomBytes, type KeyObject } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Schema } from "effect"

const KEY_PREFIX = "weir_"
const KEY_BYTES = 32
/** 32 bytes in base 36. */
const KEY_DIGITS = 50
const PEPPER_MIN_CHARACTERS = 16
const PEPPER_FILE = "key-pepper"
const OWNER_ONLY = 0o600
const FINGERPRINT_CHARACTERS = 16

export class PepperUnusable extends Schema.TaggedError<PepperUnusable>()("PepperUnusable", {
  source: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.source}: ${this.reason}`
  }
}

/** Digests keys; holds the pepper where nothing prints it. */
export class Pepper {
  readonly #secret: KeyObject
  /** Tells peppers apart without saying anything about them. */
  readonly fingerprint: string

  constructor(pepper: string) {
    this.#secret = createSecretKey(pepper, "utf8")
    this.fingerprint = this.#hmac("fingerprint").toString("hex").slice(0, FINGERPRINT_CHARACTERS)
  }

  /** HMAC-SHA-256 of a key. */
  digest(key: string): Buffer {
    return this.#hmac(`key ${key}`)
  }

  #hmac(text: string): Buffer {
    return createHmac("sha256", this.#secret).update(text).digest()
  }
}

/** A new key: it is shown once and stored nowhere. */
export const newKey = (random: Uint8Array = randomBytes(KEY_BYTES)): string =>
  KEY_PREFIX +
  BigInt(`0x${Buffer.from(random).toString("hex")}`)
    .toString(36)
    .padStart(KEY_DIGITS, "0")

/**
 * The configured pepper, else the one in the data folder, which is made, for its owner's eyes only,
 * where there is none. Processes on several hosts must be given the same by `WEIR_KEY_PEPPER`.
 * `onMade` is told the path of a file that had to be made.
 *
 * @throws PepperUnusable
 */
export const openPepper = (
  configured: string | undefined,
  dataFolder: string,
  onMade: (path: string) => void = () => undefined,
): Pepper => {
  if (configured !== undefined) return checked("WEIR_KEY_PEPPER", configured)
  const path = join(dataFolder, PEPPER_FILE)
  const made = randomBytes(KEY_BYTES).toString("hex")
  try {
    mkdirSync(dirname(path), { recursive: true })
    // Fails where there is one: of two processes that start together, one makes it.
    writeFileSync(path, `${made}\n`, { flag: "wx", mode: OWNER_ONLY })
  } catch {
    return checked(path, readPepper(path))
  }
  onMade(path)
  return new Pepper(made)
}

/**
 * As `openPepper`, but undefined where a file would have to be made.
 *
 * @throws PepperUnusable
 */
export const findPepper = (
  configured: string | undefined,
  dataFolder: string,
): Pepper | undefined => {
  if (configured === undefined && !existsSync(join(dataFolder, PEPPER_FILE))) return undefined
  return openPepper(configured, dataFolder)
}

const readPepper = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PepperUnusable({ source: path, reason })
  }
}

const checked = (source: string, pepper: string): Pepper => {
  if (pepper.length >= PEPPER_MIN_CHARACTERS) return new Pepper(pepper)
  const reason = `expected at least ${PEPPER_MIN_CHARACTERS} characters`
  throw new PepperUnusable({ source, reason })
}
