// Finds the functions of a formatted source file and how many lines each takes. A heuristic on
// tokens and indentation: formatted code closes a body in the column where its statement began.
import { mask } from "./source-mask.ts"

export interface FunctionLength {
  /** First line, counted from 1. */
  readonly line: number
  readonly lines: number
}

const OPENING = "([{"
const CLOSING = ")]}"
const indentation = (line: string): number => line.length - line.trimStart().length

/** Offset of the bracket that closes the one at `start`. */
const closing = (bare: string, start: number): number => {
  let depth = 0
  for (let at = start; at < bare.length; at++) {
    if (OPENING.includes(bare[at] ?? " ")) depth++
    if (CLOSING.includes(bare[at] ?? " ") && --depth === 0) return at
  }
  return bare.length - 1
}

/** Offset of the last character of an expression that is the whole body of an arrow function. */
const expressionEnd = (bare: string, start: number, outer: number): number => {
  for (let at = start; at < bare.length; at++) {
    const character = bare[at] ?? " "
    if (OPENING.includes(character)) at = closing(bare, at)
    else if (CLOSING.includes(character) || character === "," || character === ";") return at - 1
    else if (character === "\n") {
      const next = /^[ ]*\S/mu.exec(bare.slice(at + 1))?.[0] ?? ""
      const isMore = /^\s*([.?:|&+*/%<>=-]|\)|\]|\})/u.test(next)
      if (bare.slice(start, at).trim() !== "" && indentation(next) <= outer && !isMore)
        return at - 1
    }
  }
  return bare.length - 1
}

/**
 * What opens a body that is no arrow function's: a declaration, or a method, but no statement with
 * a head.
 */
const MODIFIERS = String.raw`(?:(?:static|async|get|set|override|private|public)\s+|\*\s*)*`
const NO_STATEMENT = String.raw`(?!(?:if|for|while|switch|catch|return|else|do|try)\b)`
const NAME_AND_HEAD = String.raw`[\w$#[\].]+\s*(?:<[^()]*>)?\([^;]*\)`
const RESULT = String.raw`(?:\s*:[^;={}]*(?:\{[^}]*\}[^;={}]*)?)?`
const DECLARATION = new RegExp(
  String.raw`\bfunction\b[^{};]*$|^\s*${MODIFIERS}${NO_STATEMENT}${NAME_AND_HEAD}${RESULT}\s*$`,
  "u",
)

const headOf = (bare: string, at: number): string => {
  // Back to where the statement began: the end of the one before it, outside of any bracket.
  let depth = 0
  for (let back = at - 1; back >= 0; back--) {
    const character = bare[back] ?? " "
    if (CLOSING.includes(character)) {
      // A brace that ends its line ended a statement; others belong to a type.
      if (depth === 0 && character === "}" && bare[back + 1] === "\n")
        return bare.slice(back + 1, at)
      depth++
    } else if (OPENING.includes(character)) {
      if (depth === 0) return bare.slice(back + 1, at)
      depth--
    } else if (depth === 0 && (character === ";" || character === "\n")) {
      const line = bare.slice(back + 1, at)
      if (line.trim() !== "") return line
    }
  }
  return bare.slice(0, at)
}

const firstLine = (lines: ReadonlyArray<string>, opener: number, column: number): number => {
  let line = opener
  while (line > 0) {
    const text = lines[line] ?? ""
    if (text.trim() !== "" && indentation(text) <= column && !/^\s*[)\]}]/u.test(text)) break
    line--
  }
  return line
}

/** Length of each function in lines, from the statement in which it begins to its last line. */
export const functionLengths = (source: string): ReadonlyArray<FunctionLength> => {
  const { bare } = mask(source)
  const lines = bare.split("\n")
  const lineOf = (offset: number) => bare.slice(0, offset).split("\n").length - 1
  const found: Array<FunctionLength> = []
  const add = (start: number, end: number) => {
    const last = lineOf(end)
    const opener = lineOf(start)
    const column = Math.min(indentation(lines[last] ?? ""), indentation(lines[opener] ?? ""))
    const first = firstLine(lines, opener, column)
    found.push({ line: first + 1, lines: last - first + 1 })
  }
  for (const { index, 0: token } of bare.matchAll(/=>|\{/gu)) {
    if (token === "=>") {
      const body = index + 2 + (/^\s*/u.exec(bare.slice(index + 2))?.[0].length ?? 0)
      const outer = indentation(lines[lineOf(index)] ?? "")
      add(index, bare[body] === "{" ? closing(bare, body) : expressionEnd(bare, body, outer))
    } else if (!/=>\s*$/u.test(bare.slice(0, index).slice(-40))) {
      if (DECLARATION.test(headOf(bare, index))) add(index, closing(bare, index))
    }
  }
  return found
}
