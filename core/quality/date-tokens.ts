// Text of dates cut into words, numbers and separators by the rules of Python's dateutil, and the
// words it knows. It decides nothing about their meaning.

const table = (groups: ReadonlyArray<string>): ReadonlyMap<string, number> =>
  new Map(groups.flatMap((group, i) => group.split(" ").map((word) => [word, i] as const)))

const WEEKDAYS = table(
  "mon monday,tue tuesday,wed wednesday,thu thursday,fri friday,sat saturday,sun sunday".split(","),
)
const MONTHS = table(
  (
    "jan january,feb february,mar march,apr april,may,jun june,jul july,aug august," +
    "sep sept september,oct october,nov november,dec december"
  ).split(","),
)
const CLOCK = table("h hour hours,m minute minutes,s second seconds".split(","))
const HALVES = table("am a,pm p".split(","))
const JUMPS = new Set(" |.|,|;|-|/|'|at|on|and|ad|m|t|of|st|nd|rd|th".split("|"))
const UTC = new Set(["UTC", "GMT", "Z", "z"])

export const isWeekday = (word: string): boolean => WEEKDAYS.has(word.toLowerCase())
/** 1 to 12. */
export const monthOf = (word: string | undefined): number | undefined => {
  const index = MONTHS.get(word?.toLowerCase() ?? "")
  return index === undefined ? undefined : index + 1
}
/** 0 for hours, 1 for minutes, 2 for seconds. */
export const clockUnit = (word: string | undefined): number | undefined =>
  CLOCK.get(word?.toLowerCase() ?? "")
/** 0 before noon, 1 after. */
export const halfOf = (word: string | undefined): number | undefined =>
  HALVES.get(word?.toLowerCase() ?? "")
export const isJump = (word: string): boolean => JUMPS.has(word.toLowerCase())
export const isZoneName = (word: string): boolean =>
  word.length <= 5 && (/^[A-Z]*$/.test(word) || UTC.has(word))

const isLetter = (character: string): boolean => /\p{L}/u.test(character)
const isDigit = (character: string): boolean => /\p{Nd}/u.test(character)

type State = "word" | "number" | "word." | "number."

/** What the state becomes by the next character, or undefined where the token ends before it. */
const advance = (state: State, token: string, next: string): State | undefined => {
  const isAfterDot = token.endsWith(".")
  switch (state) {
    case "word":
      return isLetter(next) ? "word" : next === "." ? "word." : undefined
    case "number":
      if (isDigit(next)) return "number"
      return next === "." || (next === "," && token.length >= 2) ? "number." : undefined
    case "word.":
      if (next === "." || isLetter(next)) return "word."
      return isDigit(next) && isAfterDot ? "number." : undefined
    case "number.":
      if (next === "." || isDigit(next)) return "number."
      return isLetter(next) && isAfterDot ? "word." : undefined
  }
}

/** A token with dots that is no decimal number falls into its parts. */
const parts = (token: string, state: State, hasLetters: boolean): ReadonlyArray<string> => {
  if (state === "word" || state === "number") return [token]
  const dots = token.split(".").length - 1
  if (hasLetters || dots > 1 || /[.,]$/.test(token))
    return token.split(/([.,])/).filter((part) => part !== "")
  return state === "number." && dots === 0 ? [token.replaceAll(",", ".")] : [token]
}

export const dateTokens = (text: string): ReadonlyArray<string> => {
  const characters = [...text.replaceAll("\0", "")]
  const tokens: Array<string> = []
  let at = 0
  while (at < characters.length) {
    const first = characters[at++]!
    let state: State | undefined
    if (isLetter(first)) state = "word"
    else if (isDigit(first)) state = "number"
    if (state === undefined) {
      tokens.push(/\s/.test(first) ? " " : first)
      continue
    }
    let token = first
    let hasLetters = false
    for (; at < characters.length; at++) {
      if (state === "word" || state === "word.") hasLetters = true
      const next: State | undefined = advance(state, token, characters[at]!)
      if (next === undefined) break
      state = next
      token += characters[at]!
    }
    tokens.push(...parts(token, state, hasLetters))
  }
  return tokens
}
