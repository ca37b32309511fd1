// Reads dates out of text as Python's dateutil does: whatever it takes is taken, whatever it
// refuses is refused. What the text leaves out is the first of January 2000, for no clock is read.
import { daysIn, NoDate } from "./date-parts.ts"
import { DateReader, DECIMAL, fullYear } from "./date-reader.ts"

const DEFAULT_YEAR = 2000

const isIn = (value: number, least: number, most: number): boolean =>
  value >= least && value <= most

const build = ({ parts, time }: DateReader): number => {
  const resolved = parts.resolve()
  const { hour = 0, minute = 0, second = 0, millisecond = 0, offsetSeconds = 0 } = time
  const hasTime = [time.hour, time.minute, time.second, time.zone].some((one) => one !== undefined)
  if (Object.keys(resolved).length === 0 && !hasTime && time.hasWeekday !== true)
    throw new NoDate("no date in it")
  const year =
    resolved.year === undefined ? DEFAULT_YEAR : fullYear(resolved.year, parts.hasCentury)
  const { month = 1, day = 1 } = resolved
  if (!isIn(year, 1, 9_999) || !isIn(month, 1, 12) || !isIn(day, 1, daysIn(year, month)))
    throw new NoDate("no such day")
  if (!isIn(hour, 0, 23) || !isIn(minute, 0, 59) || !isIn(second, 0, 59))
    throw new NoDate("no such time")
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, millisecond)
  return date.getTime() - offsetSeconds * 1_000
}

/** Milliseconds since 1970 (UTC where no zone is named), or undefined where the text is no date. */
export const parseDate = (text: string): number | undefined => {
  try {
    const reader = new DateReader(text)
    for (; reader.at < reader.tokens.length; reader.at++) {
      const token = reader.tokens[reader.at]!
      if (DECIMAL.test(token)) reader.number(token)
      else reader.word(token)
    }
    return build(reader)
  } catch (error) {
    if (error instanceof NoDate) return undefined
    throw error
  }
}
