// What a caller asks of us with the `Prefer` header of RFC 7240. Preferences that we do not know
// are ignored, as the RFC has it.

/** Longest wait of one poll, in seconds; longer wishes are cut to it, and the answer says so. */
export const POLL_MAX_SECONDS = 60

export interface Preference {
  /** The caller fetches the answer later. */
  readonly isAsync: boolean
  /** Seconds from 0 to POLL_MAX_SECONDS. */
  readonly waitSeconds: number
}

const NONE: Preference = { isAsync: false, waitSeconds: 0 }
const WAIT = /^wait\s*=\s*"?(\d{1,9})"?$/

/** A preference without its parameters, which stand behind semicolons: we know none. */
const withoutParameters = (wish: string): string => (wish.split(";", 1)[0] ?? "").trim()

export const readPreference = (headers: Headers): Preference => {
  const prefer = headers.get("prefer")
  if (prefer === null) return NONE
  const wishes = prefer.split(",").map((wish) => withoutParameters(wish).toLowerCase())
  const wait = wishes.map((wish) => WAIT.exec(wish)?.[1]).find((found) => found !== undefined)
  return {
    isAsync: wishes.includes("respond-async"),
    waitSeconds: Math.min(Number(wait ?? 0), POLL_MAX_SECONDS),
  }
}
