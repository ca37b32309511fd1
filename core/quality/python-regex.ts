// Python's regular expressions as JavaScript's. What has no equivalent is refused by name, never
// matched differently.

import { MetricFailed } from "./check.ts"
import { Ambiguous, searchDegree } from "./regex-cost.ts"

/** Characters of a text that is matched, by the power with which the work grows. */
export const MATCHED_TEXT_MAX: Readonly<Record<number, number>> = { 1: 100_000, 2: 2_000, 3: 250 }

/** Finds a pattern in a text. `test` throws MetricFailed for a text that is too long for it. */
export type Pattern = Pick<RegExp, "test">

/** The pattern cannot be expressed here, or is not a pattern at all. */
export class PatternRefused extends Error {
  override readonly name = "PatternRefused"
}

const CLASS_ESCAPES: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  s: "\\s",
  S: "\\S",
}
const WORD = "\\p{L}\\p{N}_"
const ESCAPES: Readonly<Record<string, string>> = {
  ...CLASS_ESCAPES,
  w: `[${WORD}]`,
  W: `[^${WORD}]`,
  // JavaScript's own borders of words know ASCII letters alone.
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
  A: "(?<![^])",
  Z: "(?![^])",
  z: "(?![^])",
  n: "\\n",
  r: "\\r",
  t: "\\t",
  f: "\\f",
  v: "\\v",
  a: "\\x07",
}
/** Characters that a pattern with the flag `u` lets one escape. */
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/
const INLINE_FLAGS = /^\(\?([aiLmsux]+)\)/
const NAMED_GROUP = /^\(\?P<([A-Za-z_]\w*)>/
const NAMED_REFERENCE = /^\(\?P=([A-Za-z_]\w*)\)/
const COMMENT = /^\(\?#[^)]*\)/
const HEX = /^\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[1-9]\d?)/
const QUANTIFIER = /^\{(?:\d+(?:,\d*)?|,\d+)\}/
const UNSUPPORTED = /^\(\?(?:>|\(|[aiLmsux-]+:)|^(?:[*+?]|\{\d*,?\d*\})\+/

interface Step {
  readonly text: string
  readonly length: number
}

const escapeStep = (rest: string, isInClass: boolean): Step => {
  const hex = HEX.exec(rest)
  if (hex !== null) return { text: hex[0], length: hex[0].length }
  const letter = rest[1] ?? ""
  if (letter === "") throw new PatternRefused("bad escape (end of pattern)")
  if (isInClass) {
    if (letter === "w") return { text: WORD, length: 2 }
    if (letter === "b") return { text: "\\x08", length: 2 }
    if (letter === "-") return { text: "\\-", length: 2 }
  }
  const known = isInClass ? { ...ESCAPES, ...CLASS_ESCAPES }[letter] : ESCAPES[letter]
  if (known !== undefined && !known.startsWith("(") && !(isInClass && letter === "W"))
    return { text: known, length: 2 }
  if (known !== undefined && !isInClass) return { text: known, length: 2 }
  if (/[A-Za-z0-9]/.test(letter)) throw new PatternRefused(`\\${letter} is not supported`)
  return { text: SYNTAX.test(letter) ? `\\${letter}` : letter, length: 2 }
}

const groupStep = (rest: string): Step | undefined => {
  const comment = COMMENT.exec(rest)
  if (comment !== null) return { text: "", length: comment[0].length }
  const named = NAMED_GROUP.exec(rest)
  if (named !== null) return { text: `(?<${named[1]}>`, length: named[0].length }
  const reference = NAMED_REFERENCE.exec(rest)
  if (reference !== null) return { text: `\\k<${reference[1]}>`, length: reference[0].length }
  if (UNSUPPORTED.test(rest)) throw new PatternRefused(`"${rest.slice(0, 6)}" is not supported`)
  return undefined
}

const plainStep = (rest: string, flags: string): Step => {
  const [character = ""] = rest
  const group = groupStep(rest)
  if (group !== undefined) return group
  if (character === "$" && !flags.includes("m")) return { text: "(?=\\n?(?![^]))", length: 1 }
  if (character === ".") return { text: flags.includes("s") ? "[^]" : "[^\\n]", length: 1 }
  if (character === "{") {
    const quantifier = QUANTIFIER.exec(rest)?.[0]
    if (quantifier === undefined) return { text: "\\{", length: 1 }
    return { text: quantifier.replace("{,", "{0,"), length: quantifier.length }
  }
  if (character === "}" || character === "]") return { text: `\\${character}`, length: 1 }
  return { text: character, length: character.length }
}

const classStart = (rest: string): Step => {
  const opening = rest.startsWith("[^") ? "[^" : "["
  // A bracket that comes first stands for itself in Python.
  return rest[opening.length] === "]"
    ? { text: `${opening}\\]`, length: opening.length + 1 }
    : { text: opening, length: opening.length }
}

/** What is in a class: `[` and the like need no escape in Python and do with the flag `u`. */
const classStep = (rest: string): Step => {
  const [character = ""] = rest
  return { text: character === "[" ? "\\[" : character, length: character.length }
}

/**
 * A Python pattern that `search`es: letters and digits are Unicode's, `.` excludes only
 * the line feed, `$` also stands before a last line feed.
 *
 * @throws PatternRefused
 */
export const pythonRegex = (pattern: string): Pattern => {
  const inline = INLINE_FLAGS.exec(pattern)
  const flags = inline?.[1] ?? ""
  if (/[xaL]/.test(flags)) throw new PatternRefused(`the flags (?${flags}) are not supported`)
  let text = ""
  let isInClass = false
  for (let at = inline?.[0].length ?? 0; at < pattern.length;) {
    const rest = pattern.slice(at)
    let step: Step
    if (rest.startsWith("\\")) step = escapeStep(rest, isInClass)
    else if (isInClass) step = classStep(rest)
    else if (rest.startsWith("[")) step = classStart(rest)
    else step = plainStep(rest, flags)
    if (!rest.startsWith("\\")) isInClass = isInClass ? !rest.startsWith("]") : rest.startsWith("[")
    text += step.text
    at += step.length
  }
  return bounded(
    pattern,
    text,
    `u${flags.includes("i") ? "i" : ""}${flags.includes("m") ? "m" : ""}`,
  )
}

const bounded = (pattern: string, source: string, flags: string): Pattern => {
  try {
    const compiled = new RegExp(source, flags)
    const most = MATCHED_TEXT_MAX[searchDegree(source, flags)]
    if (most === undefined) throw new Ambiguous("too many repetitions follow each other")
    const test = (text: string): boolean => {
      if (text.length <= most) return compiled.test(text)
      throw new MetricFailed(
        `a text of ${text.length} characters is not matched against "${pattern}": at most ${most}`,
      )
    }
    return { test }
  } catch (error) {
    if (error instanceof Ambiguous)
      throw new PatternRefused(`"${pattern}" could take without end: ${error.message}`)
    const why = error instanceof Error ? error.message : String(error)
    throw new PatternRefused(`"${pattern}" is not a pattern: ${why}`)
  }
}
