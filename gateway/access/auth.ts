// Lets callers in: by their key, for what its scopes allow, as often as its rate allows. It says
// nothing about why a key is not valid, and never prints one.
import type { Keys } from "#core/access/keys"
import { openKeys } from "#core/access/keys"
import { openPepper, type Pepper } from "#core/access/secrets"
import type { Log } from "#core/log/log"
import type { Logger } from "#core/service/logger"
import { ANYONE, callerOf, suffices, type Access, type Caller } from "./caller.ts"
import { RateLimit } from "./rate-limit.ts"
import type { GatewaySettings } from "../settings.ts"
import { refuse, type Refusal } from "../http/status.ts"

const BEARER = /^bearer +/i
/** Ours are shorter; what is longer is not worth a digest. */
const KEY_MAX_CHARACTERS = 256
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether callers need a key: where others than this machine can call, unless it is said. */
export const needsKeys = ({ auth, host }: Pick<GatewaySettings, "auth" | "host">): boolean =>
  auth === "required" || (auth === "auto" && !LOOPBACK.test(host))

/** Decides about each request of a route that asks for `access`. */
export interface Guard {
  readonly admit: (access: Access, headers: Headers) => Caller | Refusal
}

/** Without keys: everybody may do everything. */
export const OPEN_GUARD: Guard = { admit: () => ANYONE }

export interface KeyGuardOptions {
  readonly keys: Pick<Keys, "find" | "onChange">
  readonly pepper: Pick<Pepper, "digest">
  readonly metricsPublic: boolean
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

const presentedKey = (headers: Headers): string | undefined => {
  const authorization = headers.get("authorization")
  if (authorization !== null && BEARER.test(authorization))
    return authorization.replace(BEARER, "").trim()
  return headers.get("x-api-key") ?? undefined
}

const NO_KEY = refuse(
  "unauthenticated",
  "Authorization: expected Bearer and an API key (or X-API-Key), got none",
)
const BAD_KEY = refuse("unauthenticated", "Authorization: expected a valid API key, got another")

/** Follows the keys until that of `digest` is not enough for `access` any more. */
const whenRevoked =
  (keys: KeyGuardOptions["keys"], digest: Buffer, access: Access): Caller["onRevoked"] =>
  (listener) => {
    let isOver = false
    const look = (): void => {
      const key = keys.find(digest)
      if (isOver || (key !== undefined && suffices(key.scopes, access))) return
      end()
      listener()
    }
    const unfollow = keys.onChange(look)
    const end = (): void => {
      isOver = true
      unfollow()
    }
    look()
    return end
  }

export const makeKeyGuard = (options: KeyGuardOptions): Guard => {
  const { keys, pepper, metricsPublic, now } = options
  const limit = new RateLimit(now)
  return {
    admit: (access, headers) => {
      if (access === "open" || (access === "metrics" && metricsPublic)) return ANYONE
      const presented = presentedKey(headers)
      if (presented === undefined || presented === "") return NO_KEY
      if (presented.length > KEY_MAX_CHARACTERS) return BAD_KEY
      const digest = pepper.digest(presented)
      const key = keys.find(digest)
      if (key === undefined) return BAD_KEY
      if (!suffices(key.scopes, access)) {
        const wanted = access === "result" ? "predict or read" : access
        const needed = wanted === "metrics" ? "operate" : wanted
        return refuse("forbidden", `API key: expected the scope ${needed}, got ${key.scopes}`)
      }
      const wait = limit.take(key)
      if (wait === undefined) {
        const takeMore = () => limit.take(key)
        return callerOf(key, { takeMore, onRevoked: whenRevoked(keys, digest, access) })
      }
      const message = `this key may make ${key.ratePerSecond} requests a second here`
      return refuse("rateLimited", message, { retryAfterSeconds: wait })
    },
  }
}

export interface Door {
  readonly guard: Guard
  /** Rejects when the keys cannot be followed any more. */
  readonly done: Promise<void>
  readonly close: () => Promise<void>
}

const OPEN_DOOR: Door = {
  guard: OPEN_GUARD,
  done: new Promise<void>(() => undefined),
  close: () => Promise.resolve(),
}

/** Says, now and when keys come, what would keep somebody out without a word. */
const warnAbout = (keys: Keys, pepper: Pepper, logger: Logger): void => {
  if (keys.size === 0)
    logger.warn('no API key is valid, so every caller is refused: "weir keys create" makes one')
  const warned = new Set<string>()
  const look = (): void => {
    for (const { name, digest, pepper: made } of keys.callers().flatMap((caller) => caller.keys)) {
      if (made === pepper.fingerprint || warned.has(digest)) continue
      warned.add(digest)
      logger.warn("a key was made with another WEIR_KEY_PEPPER and is not recognised", { name })
    }
  }
  look()
  keys.onChange(look)
}

/**
 * The guard that the settings ask for, with the keys that the log holds.
 *
 * @throws PepperUnusable, AccessUnreadable, LookupFailed.
 */
export const openDoor = async (
  log: Log,
  settings: Pick<GatewaySettings, "auth" | "host" | "keyPepper" | "data" | "metricsPublic">,
  logger: Logger,
): Promise<Door> => {
  if (!needsKeys(settings)) return OPEN_DOOR
  const pepper = openPepper(settings.keyPepper, settings.data)
  const keys = await openKeys(log)
  warnAbout(keys, pepper, logger)
  const { metricsPublic } = settings
  const now = () => performance.now()
  return {
    guard: makeKeyGuard({ keys, pepper, metricsPublic, now }),
    done: keys.done,
    close: () => keys.close(),
  }
}
