// The text form of protobuf, as `config.pbtxt` is written in: fields with their values, and the
// lines that they stand in. It knows no schema; who reads the fields decides what they mean.

/** Messages within messages. */
const DEPTH_MAX = 32

export type TextValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly number: number }
  /** A name: of an enumeration, or `true` and `false`. */
  | { readonly kind: "word"; readonly word: string }
  | { readonly kind: "message"; readonly fields: ReadonlyArray<TextField> }

/** A list is its field several times. */
export interface TextField {
  readonly name: string
  /** From 1. */
  readonly line: number
  readonly value: TextValue
}

/** The text is no protobuf in text form. */
export class TextFormatFault extends Error {
  constructor(line: number, expected: string, got: string) {
    super(`line ${line}: expected ${expected}, got ${got}`)
  }
}

interface Token {
  readonly kind: "word" | "number" | "text" | "sign" | "end"
  readonly text: string
  readonly line: number
}

const SPACE = /(?:\s|#[^\n]*)*/y
const WORD = "[A-Za-z_][A-Za-z0-9_.]*"
const DIGITS = "(?:0[xX][0-9a-fA-F]+|(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?f?)"
const QUOTED = `"(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*'`
const TOKEN = new RegExp(`(${WORD})|([+-]?${DIGITS})|(${QUOTED})|([{}[\\]<>:,;])`, "y")

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" }
const unquoted = (literal: string): string =>
  literal
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))/g, (_, hex, octal, letter) =>
      hex !== undefined
        ? String.fromCharCode(Number.parseInt(hex, 16))
        : octal !== undefined
          ? String.fromCharCode(Number.parseInt(octal, 8))
          : (ESCAPES[letter] ?? letter),
    )

/** All tokens of a text, the last one being its end. */
const tokensOf = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let line = 1
  let at = 0
  const advance = (part: string) => {
    at += part.length
    line += part.split("\n").length - 1
  }
  for (;;) {
    SPACE.lastIndex = at
    advance(SPACE.exec(text)?.[0] ?? "")
    if (at >= text.length) break
    TOKEN.lastIndex = at
    const found = TOKEN.exec(text)
    if (found === null) throw new TextFormatFault(line, "a field", JSON.stringify(text.charAt(at)))
    const [whole, word, number, quoted] = found
    const kind =
      word !== undefined
        ? "word"
        : number !== undefined
          ? "number"
          : quoted !== undefined
            ? "text"
            : "sign"
    tokens.push({ kind, text: whole, line })
    advance(whole)
  }
  tokens.push({ kind: "end", text: "the end", line })
  return tokens
}

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "<": ">" }

class Parser {
  readonly #tokens: ReadonlyArray<Token>
  #at = 0

  constructor(tokens: ReadonlyArray<Token>) {
    this.#tokens = tokens
  }

  /** Fields up to the sign that closes them; up to the end for the outermost. */
  fields(closing: string | undefined, depth: number): ReadonlyArray<TextField> {
    if (depth > DEPTH_MAX)
      throw new TextFormatFault(this.#next.line, `at most ${DEPTH_MAX} messages deep`, "more")
    const fields: Array<TextField> = []
    for (;;) {
      const { kind, text, line } = this.#next
      if (closing === undefined ? kind === "end" : this.#takes(closing)) return fields
      if (kind !== "word")
        throw this.#fault(`the name of a field${closing ? ` or ${closing}` : ""}`)
      this.#at++
      const colon = this.#takes(":")
      for (const value of this.#values(colon, depth)) fields.push({ name: text, line, value })
      if (!this.#takes(",")) this.#takes(";")
    }
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "the end", line: 0 }
  }

  #takes(sign: string): boolean {
    const { kind, text } = this.#next
    if (kind !== "sign" || text !== sign) return false
    this.#at++
    return true
  }

  #fault(expected: string): TextFormatFault {
    const { line, text, kind } = this.#next
    return new TextFormatFault(line, expected, kind === "end" ? text : JSON.stringify(text))
  }

  #values(colon: boolean, depth: number): ReadonlyArray<TextValue> {
    if (!this.#takes("[")) return [this.#value(colon, depth)]
    const values: Array<TextValue> = []
    while (!this.#takes("]")) {
      if (values.length > 0 && !this.#takes(",")) throw this.#fault("a comma or ]")
      // As most configurations end their lists.
      if (values.length > 0 && this.#takes("]")) break
      values.push(this.#value(true, depth))
    }
    return values
  }

  #value(scalar: boolean, depth: number): TextValue {
    const { kind, text } = this.#next
    const closing = kind === "sign" ? CLOSING[text] : undefined
    if (closing !== undefined) {
      this.#at++
      return { kind: "message", fields: this.fields(closing, depth + 1) }
    }
    if (!scalar) throw this.#fault("a colon or {")
    if (kind === "text") return { kind: "text", text: this.#texts() }
    if (kind !== "word" && kind !== "number") throw this.#fault("a value")
    this.#at++
    return kind === "word"
      ? { kind: "word", word: text }
      : { kind: "number", number: Number(text.replace(/^\+/, "").replace(/(?<=[\d.])f$/, "")) }
  }

  /** Texts beside each other are one. */
  #texts(): string {
    let text = ""
    for (; this.#next.kind === "text"; this.#at++) text += unquoted(this.#next.text)
    return text
  }
}

/** @throws TextFormatFault, which names the line. */
export const parseTextFormat = (text: string): ReadonlyArray<TextField> =>
  new Parser(tokensOf(text)).fields(undefined, 0)
