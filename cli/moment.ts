// Places in the log as people name them: a position, a time, or how long ago.
import { UsageError } from "./command.ts"

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

export type Moment = { readonly position: number } | { readonly millis: number }

/** Milliseconds since 1970 of `10m` (ago) or a time in ISO 8601; `undefined` for other words. */
export const timeOf = (text: string, now: number): number | undefined => {
  const ago = /^(\d{1,9})([smhd])$/u.exec(text)
  if (ago !== null) return now - Number(ago[1]) * (UNIT_MILLIS[ago[2] ?? ""] ?? 0)
  const millis = /^\d{4}-\d\d-\d\d/u.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(millis) ? undefined : millis
}

/**
 * Reads `1234` (a position), `10m` (so long before `now`) or a time in ISO 8601.
 *
 * @throws UsageError naming the flag.
 */
export const readMoment = (flag: string, text: string, now: number): Moment => {
  if (/^\d{1,15}$/u.test(text)) return { position: Number(text) }
  const millis = timeOf(text, now)
  if (millis !== undefined) return { millis }
  throw new UsageError(
    `--${flag} must be a position, a time such as 2026-01-31T12:00Z or a length such as 10m, ` +
      `got "${text}"`,
  )
}
