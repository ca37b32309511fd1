// Python's strptime: a format as a pattern, and whether what it reads is a day that exists.
import { daysIn } from "./date-parts.ts"

/** The format has a directive that strptime refuses too. */
export class FormatRefused extends Error {
  override readonly name = "FormatRefused"
}

const MONTHS =
  "january|february|march|april|may|june|july|august|september|october|november|december"
const DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
const short = (names: string): string =>
  names
    .split("|")
    .map((name) => name.slice(0, 3))
    .join("|")

const DIRECTIVES: Readonly<Record<string, string>> = {
  d: "3[0-1]|[1-2]\\d|0[1-9]|[1-9]| [1-9]",
  f: "\\d{1,6}",
  H: "2[0-3]|[0-1]\\d|\\d",
  I: "1[0-2]|0[1-9]|[1-9]",
  G: "\\d{4}",
  j: "36[0-6]|3[0-5]\\d|[1-2]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]",
  m: "1[0-2]|0[1-9]|[1-9]",
  M: "[0-5]\\d|\\d",
  S: "6[0-1]|[0-5]\\d|\\d",
  U: "5[0-3]|[0-4]\\d|\\d",
  W: "5[0-3]|[0-4]\\d|\\d",
  V: "5[0-3]|0[1-9]|[1-4]\\d|\\d",
  w: "[0-6]",
  u: "[1-7]",
  y: "\\d\\d",
  Y: "\\d{4}",
  z: "[+-]\\d\\d:?[0-5]\\d(?::?[0-5]\\d(?:\\.\\d{1,6})?)?|Z",
  A: DAYS,
  a: short(DAYS),
  B: MONTHS,
  b: short(MONTHS),
  p: "am|pm",
  Z: "utc|gmt",
}

/** What Python makes of the locale's own forms in the C locale. */
const COMPOSED: Readonly<Record<string, string>> = {
  c: "%a %b %d %H:%M:%S %Y",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
}

const LEAP_YEAR = 1904
const DEFAULT_YEAR = 1900

const source = (format: string): string => {
  const spelled = format.replace(/%([cxX])/g, (_, letter: string) => COMPOSED[letter] ?? "")
  const escaped = spelled.replace(/[\\.^$*+?(){}[\]|/]/g, "\\$&").replace(/\s+/g, "\\s+")
  const seen = new Set<string>()
  return escaped.replace(/%(.?)/g, (_, letter: string) => {
    if (letter === "%") return "%"
    const pattern = DIRECTIVES[letter]
    if (pattern === undefined)
      throw new FormatRefused(`'${letter}' is a bad directive in format '${format}'`)
    if (seen.has(letter)) throw new FormatRefused(`redefinition of %${letter} in '${format}'`)
    seen.add(letter)
    return `(?<${letter}>${pattern})`
  })
}

const yearOf = (groups: Readonly<Record<string, string | undefined>>): number | undefined => {
  if (groups["Y"] !== undefined) return Number(groups["Y"])
  if (groups["y"] === undefined) return undefined
  const short = Number(groups["y"])
  return short <= 68 ? 2000 + short : 1900 + short
}

const monthOf = (groups: Readonly<Record<string, string | undefined>>): number => {
  if (groups["m"] !== undefined) return Number(groups["m"])
  const name = (groups["B"] ?? groups["b"])?.toLowerCase()
  const index = MONTHS.split("|").findIndex((month) => month.slice(0, 3) === name?.slice(0, 3))
  return index < 0 ? 1 : index + 1
}

/**
 * Whether `datetime.strptime(text, format)` succeeds.
 *
 * @throws FormatRefused for a format that strptime refuses.
 */
export const strptimeTest = (format: string): ((text: string) => boolean) => {
  const pattern = new RegExp(`^(?:${source(format)})$`, "i")
  return (text) => {
    const match = pattern.exec(text)
    // `$` would also stand before a last line feed in Python; strptime refuses what remains.
    if (match === null) return false
    const groups = match.groups ?? {}
    const year = yearOf(groups)
    const month = monthOf(groups)
    const day = Number(groups["d"] ?? 1)
    // Without a year Python takes 1900, and a leap year for the 29th of February alone.
    const isLeapDay = year === undefined && month === 2 && day === 29
    const resolved = year ?? (isLeapDay ? LEAP_YEAR : DEFAULT_YEAR)
    if (resolved < 1 || Number(groups["S"] ?? 0) > 59) return false
    if (day > daysIn(resolved, month)) return false
    if (groups["j"] === undefined || year === undefined) return true
    return Number(groups["j"]) <= (daysIn(year, 2) === 29 ? 366 : 365)
  }
}
