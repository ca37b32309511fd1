// Which of up to three numbers is the year, the month and the day, by dateutil's rules with the
// month first where both readings are possible.

/** The text is no date. */
export class NoDate extends Error {
  override readonly name = "NoDate"
}

type Part = "year" | "month" | "day"
export type Resolved = Readonly<Partial<Record<Part, number>>>

const DAYS_MOST = 31
const MONTHS_MOST = 12

export const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(2000, month, 0)).getUTCDate() -
  (month === 2 && !(year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) ? 1 : 0)

const named = (parts: ReadonlyArray<Part>, values: ReadonlyArray<number>): Resolved =>
  Object.fromEntries(parts.map((part, i) => [part, values[i]!]))

/** The numbers of a date in the order in which they were read. */
export class DateParts {
  readonly #values: Array<number> = []
  readonly #known = new Map<Part, number>()
  hasCentury = false

  get count(): number {
    return this.#values.length
  }

  /** A number, or its digits: more than two of them, or more than 100, can only be a year. */
  add(value: number | string, label?: Part): void {
    const digits = typeof value === "string" ? value : undefined
    const isYear =
      digits === undefined ? Number(value) > 100 : /^\d+$/.test(digits) && digits.length > 2
    let known = label
    if (isYear) {
      this.hasCentury = true
      if (label !== undefined && label !== "year") throw new NoDate("a year where none can be")
      known = "year"
    }
    if (digits !== undefined && !/^\s*[+-]?\d+\s*$/.test(digits)) throw new NoDate("no number")
    this.#values.push(Math.trunc(Number(value)))
    if (known === undefined) return
    if (this.#known.has(known)) throw new NoDate(`a second ${known}`)
    this.#known.set(known, this.#values.length - 1)
  }

  couldBeDay(value: number): boolean {
    if (this.#known.has("day")) return false
    const month = this.#known.get("month")
    if (month === undefined) return value >= 1 && value <= DAYS_MOST
    const year = this.#known.get("year")
    const most = daysIn(year === undefined ? 2000 : this.#values[year]!, this.#values[month]!)
    return value >= 1 && value <= most
  }

  resolve(): Resolved {
    const count = this.#values.length
    const known = this.#known
    if ((count === known.size && count > 0) || (count === 3 && known.size === 2)) {
      const parts: ReadonlyArray<Part> = ["year", "month", "day"]
      const taken = new Set(known.values())
      const free = [0, 1, 2].find((index) => index < count && !taken.has(index))
      const entries = parts.flatMap((part) => {
        const index = known.get(part) ?? free
        return index === undefined ? [] : [[part, this.#values[index]!] as const]
      })
      return Object.fromEntries(entries)
    }
    if (count > 3) throw new NoDate("more than three numbers")
    const month = known.get("month")
    if (count === 1 || (month !== undefined && count === 2)) return this.#few(month)
    if (count === 2) return this.#two()
    return count === 3 ? named(this.#three(month), this.#values) : {}
  }

  #few(month: number | undefined): Resolved {
    const values = this.#values
    const other = month === undefined ? values[0]! : values.at(month - 1)!
    const known = month === undefined ? {} : { month: values[month]! }
    if (month !== undefined && values.length === 1) return known
    return other > DAYS_MOST ? { ...known, year: other } : { ...known, day: other }
  }

  #two(): Resolved {
    const [first = 0, second = 0] = this.#values
    if (first > DAYS_MOST) return { year: first, month: second }
    if (second > DAYS_MOST) return { month: first, year: second }
    return { month: first, day: second }
  }

  #three(month: number | undefined): ReadonlyArray<Part> {
    const [first = 0, second = 0] = this.#values
    if (month === 0) return second > DAYS_MOST ? ["month", "year", "day"] : ["month", "day", "year"]
    if (month === 1) return first > DAYS_MOST ? ["year", "month", "day"] : ["day", "month", "year"]
    if (month === 2) return second > DAYS_MOST ? ["day", "year", "month"] : ["year", "day", "month"]
    if (first > DAYS_MOST || this.#known.get("year") === 0) return ["year", "month", "day"]
    return first > MONTHS_MOST ? ["day", "month", "year"] : ["month", "day", "year"]
  }
}
