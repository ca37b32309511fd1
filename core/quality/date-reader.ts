// Reads the tokens of a date by dateutil's grammar, which looks around itself: numbers by what
// stands beside them, words by what came before. What the parts make together is date-text.ts.
import { DateParts, NoDate } from "./date-parts.ts"
import {
  clockUnit,
  dateTokens,
  halfOf,
  isJump,
  isWeekday,
  isZoneName,
  monthOf,
} from "./date-tokens.ts"

export interface Time {
  hour?: number
  minute?: number
  second?: number
  millisecond?: number
  half?: number
  zone?: string
  offsetSeconds?: number
  hasWeekday?: boolean
}

export const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const NOON = 12

const whole = (digits: string | undefined): number => {
  if (digits === undefined || !/^\d+$/.test(digits)) throw new NoDate("no whole number")
  return Number(digits)
}

const decimal = (text: string | undefined): number => {
  if (text === undefined || !DECIMAL.test(text)) throw new NoDate("no number")
  return Number(text)
}

const setSeconds = (time: Time, text: string | undefined): void => {
  const [seconds, fraction = "", ...more] = (text ?? "").split(".")
  if (more.length > 0) throw new NoDate("no seconds")
  time.second = whole(seconds)
  time.millisecond = Math.trunc(Number(fraction.padEnd(6, "0").slice(0, 6)) / 1_000)
}

const setMinutes = (time: Time, value: number): void => {
  time.minute = Math.trunc(value)
  const rest = value % 1
  // Minutes without a fraction take back seconds that were read before them.
  if (rest === 0) delete time.second
  else time.second = Math.trunc(60 * rest)
}

const inHalf = (hour: number, half: number): number => {
  if (half === 1) return hour < NOON ? hour + NOON : hour
  return hour === NOON ? 0 : hour
}

/** What two digits of a year are nearest to: no clock is read, so that results never change. */
const NEAREST_TO = 2_026

/** Two digits are the year within fifty of the named one. */
export const fullYear = (year: number, hasCentury: boolean): number => {
  if (year >= 100 || hasCentury) return year
  const inCentury = 2_000 + year
  return inCentury >= NEAREST_TO + 50 ? inCentury - 100 : inCentury
}

/** The tokens of one text, with the readings of dateutil's grammar that look around. */
export class DateReader {
  readonly tokens: ReadonlyArray<string>
  readonly parts = new DateParts()
  readonly time: Time = {}
  at = 0
  #flipped: number | undefined

  constructor(text: string) {
    this.tokens = dateTokens(text)
  }

  #token(offset: number): string | undefined {
    return this.tokens[this.at + offset]
  }

  /** The sign at an offset; after a zone's name it means the contrary (GMT+3). */
  #sign(offset: number): number {
    const sign = this.#token(offset) === "+" ? 1 : -1
    return this.#flipped === this.at + offset ? -sign : sign
  }

  /** Where the unit (hours, minutes, seconds) of the number stands, if it has one. */
  #unitAt(): number | undefined {
    const { at, tokens } = this
    if (clockUnit(tokens[at + 1]) !== undefined) return at + 1
    if (tokens[at + 1] === " " && clockUnit(tokens[at + 2]) !== undefined) return at + 2
    if (at > 0 && clockUnit(tokens[at - 1]) !== undefined) return at - 1
    const isLast = at > 1 && at === tokens.length - 1
    return isLast && tokens[at - 1] === " " && clockUnit(tokens[at - 2]) !== undefined
      ? at - 2
      : undefined
  }

  /** A run of digits whose length alone says what it is. */
  #packed(token: string): boolean {
    const { parts, time } = this
    const isClockNext = this.#token(1) === ":" || clockUnit(this.#token(1)) !== undefined
    const isHour = parts.count === 3 && (token.length === 2 || token.length === 4)
    if (isHour && time.hour === undefined && !(this.#token(1) !== undefined && isClockNext)) {
      time.hour = whole(token.slice(0, 2))
      if (token.length === 4) time.minute = whole(token.slice(2))
      return true
    }
    if (token.length === 6 || (token.length > 6 && token.indexOf(".") === 6)) {
      if (parts.count === 0 && !token.includes(".")) {
        for (const from of [0, 2, 4]) parts.add(token.slice(from, from + 2))
      } else {
        time.hour = whole(token.slice(0, 2))
        time.minute = whole(token.slice(2, 4))
        setSeconds(time, token.slice(4))
      }
      return true
    }
    if (token.length !== 8 && token.length !== 12 && token.length !== 14) return false
    parts.add(token.slice(0, 4), "year")
    parts.add(token.slice(4, 6))
    parts.add(token.slice(6, 8))
    if (token.length > 8) {
      time.hour = whole(token.slice(8, 10))
      time.minute = whole(token.slice(10, 12))
    }
    if (token.length === 14) time.second = whole(token.slice(12))
    return true
  }

  #withUnit(token: string, unitAt: number): void {
    const { time } = this
    const unit = clockUnit(this.tokens[unitAt])! + (unitAt > this.at ? 0 : 1)
    if (unitAt > this.at) this.at = unitAt
    const value = decimal(token)
    if (unit === 0) {
      time.hour = Math.trunc(value)
      if (value % 1 !== 0) time.minute = Math.trunc(60 * (value % 1))
    } else if (unit === 1) setMinutes(time, value)
    else if (unit === 2) setSeconds(time, token)
  }

  #clock(value: number): void {
    const { time } = this
    time.hour = Math.trunc(value)
    setMinutes(time, decimal(this.#token(2)))
    if (this.#token(3) === ":" && this.#token(4) !== undefined) {
      setSeconds(time, this.#token(4))
      this.at += 2
    }
    this.at += 2
  }

  /** A month by name or a number. */
  #addNamed(token: string | undefined): void {
    const month = monthOf(token)
    if (month !== undefined) this.parts.add(month, "month")
    else if (token === undefined) throw new NoDate("ends after a separator")
    else this.parts.add(token)
  }

  #separated(token: string): void {
    const separator = this.#token(1)
    this.parts.add(token)
    const second = this.#token(2)
    if (second !== undefined && !isJump(second)) {
      if (!/^\d+$/.test(second) && monthOf(second) === undefined) throw new NoDate("no month")
      this.#addNamed(second)
      if (this.#token(3) === separator) {
        this.#addNamed(this.#token(4))
        this.at += 2
      }
      this.at += 1
    }
    this.at += 1
  }

  number(token: string): void {
    const value = decimal(token)
    if (this.#packed(token)) return
    const unitAt = this.#unitAt()
    if (unitAt !== undefined) return this.#withUnit(token, unitAt)
    const next = this.#token(1)
    if (next === ":" && this.#token(2) !== undefined) return this.#clock(value)
    if (next === "-" || next === "/" || next === ".") return this.#separated(token)
    if (next === undefined || isJump(next)) {
      const half = halfOf(this.#token(2))
      if (half === undefined) this.parts.add(value)
      else this.time.hour = inHalf(Math.trunc(value), half)
      this.at += half === undefined ? 1 : 2
      return
    }
    const half = halfOf(next)
    if (half !== undefined && value >= 0 && value < 24) {
      this.time.hour = inHalf(Math.trunc(value), half)
      this.at += 1
    } else if (this.parts.couldBeDay(value)) this.parts.add(value)
    else throw new NoDate("a number without meaning")
  }

  #month(month: number): void {
    this.parts.add(month, "month")
    const next = this.#token(1)
    if (next === "-" || next === "/") {
      this.parts.add(this.#token(2) ?? "")
      if (this.#token(3) === next) {
        this.parts.add(this.#token(4) ?? "")
        this.at += 2
      }
      this.at += 2
    } else if (
      next === " " &&
      this.#token(3) === " " &&
      this.#token(2)?.toLowerCase() === "of" &&
      this.#token(4) !== undefined
    ) {
      const year = this.#token(4)!
      if (/^\d+$/.test(year)) this.parts.add(String(fullYear(Number(year), false)), "year")
      this.at += 4
    }
  }

  #half(half: number): void {
    const { hour } = this.time
    if (hour === undefined || hour < 0 || hour > NOON) throw new NoDate("no hour of a half day")
    this.time.hour = inHalf(hour, half)
    this.time.half = half
  }

  #offset(): void {
    const digits = this.#token(1)
    const sign = this.#sign(0)
    if (digits === undefined) throw new NoDate("ends after a sign")
    let [hours, minutes] = [0, 0]
    if (digits.length === 4) {
      hours = whole(digits.slice(0, 2))
      minutes = whole(digits.slice(2))
    } else if (this.#token(2) === ":") {
      hours = whole(digits)
      minutes = whole(this.#token(3))
      this.at += 2
    } else if (digits.length <= 2) hours = whole(digits)
    else throw new NoDate("no offset")
    this.time.offsetSeconds = sign * (hours * 3_600 + minutes * 60)
    const name = this.#token(4)
    const isNamed =
      this.#token(2) !== undefined && isJump(this.#token(2)!) && this.#token(3) === "("
    if (isNamed && this.#token(5) === ")" && name !== undefined && name.length >= 3)
      if (this.time.zone === undefined && isZoneName(name)) this.at += 4
    this.at += 1
  }

  word(token: string): void {
    const { time } = this
    const month = monthOf(token)
    const half = halfOf(token)
    if (isWeekday(token)) time.hasWeekday = true
    else if (month !== undefined) this.#month(month)
    else if (half !== undefined) this.#half(half)
    else if (
      time.hour !== undefined &&
      time.zone === undefined &&
      time.offsetSeconds === undefined &&
      isZoneName(token)
    ) {
      time.zone = token
      if (this.#token(1) === "+" || this.#token(1) === "-") this.#flipped = this.at + 1
    } else if (time.hour !== undefined && (token === "+" || token === "-")) this.#offset()
    else if (!isJump(token)) throw new NoDate(`"${token}" has no meaning`)
  }
}
