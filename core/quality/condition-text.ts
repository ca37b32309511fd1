// Reads the text of a row condition: the part of pandas' query language that filters rows, and the
// `col("x")` of Great Expectations' own parser. Everything else is refused, never guessed.
import type { Comparison, Condition, Operand } from "./condition.ts"
import { KwargsRefused } from "./kwargs.ts"
import type { Cell } from "./table.ts"

const NUMBER = /(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/
const TEXT = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/
const QUOTED_NAME = /`([^`]+)`/
const WORD = /([A-Za-z_]\w*)/
const SIGN = /(==|!=|<=|>=|&&|\|\||[<>()[\],.&|~+\-*/%!])/
const TOKEN = [NUMBER, TEXT, QUOTED_NAME, WORD, SIGN].map(({ source }) => source).join("|")

interface Token {
  readonly kind: "number" | "text" | "name" | "word" | "sign" | "end"
  readonly text: string
}

const END: Token = { kind: "end", text: "" }
const KINDS = ["number", "text", "name", "word", "sign"] as const

/** The parser nests no deeper, so that a condition cannot exhaust the stack. */
const DEPTH_MOST = 100

const tokensOf = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  const pattern = new RegExp(`\\s*(?:${TOKEN})`, "y")
  const end = text.trimEnd().length
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex
    const match = pattern.exec(text)
    if (match === null)
      throw new KwargsRefused(`row_condition: cannot read "${text.slice(from).trim()}"`)
    const index = KINDS.findIndex((_, i) => match[i + 1] !== undefined)
    tokens.push({ kind: KINDS[index]!, text: match[index + 1]! })
  }
  return tokens
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" }
const unquoted = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter)

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="])
const isComparison = (text: string): text is Comparison => COMPARISONS.has(text)
const isArithmetic = (text: string): text is "+" | "-" | "*" | "/" | "%" =>
  text.length === 1 && "+-*/%".includes(text)
const isProduct = (text: string): boolean => text === "*" || text === "/" || text === "%"

const LITERALS: ReadonlyMap<string, Cell> = new Map<string, Cell>([
  ["True", true],
  ["False", false],
  ["true", true],
  ["false", false],
  ["None", null],
])
const NULL_METHODS = new Set(["isnull", "isna", "isNull"])
const VALUE_METHODS = new Set(["notnull", "notna", "notNull"])

type Node =
  | { readonly operand: Operand; readonly condition?: undefined }
  | { readonly condition: Condition; readonly operand?: undefined }

class QueryParser {
  readonly #text: string
  readonly #tokens: ReadonlyArray<Token>
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? END
  }

  #refuse(): never {
    const found = this.#next.kind === "end" ? "the end" : `"${this.#next.text}"`
    throw new KwargsRefused(`row_condition "${this.#text}": ${found} is not supported there`)
  }

  #take(...texts: ReadonlyArray<string>): boolean {
    const { kind, text } = this.#next
    const isMatch = (kind === "sign" || kind === "word") && texts.includes(text)
    if (isMatch) this.#at += 1
    return isMatch
  }

  #need(text: string): void {
    if (!this.#take(text)) this.#refuse()
  }

  #condition(node: Node): Condition {
    return node.condition ?? { kind: "truth", of: node.operand }
  }

  #operand(node: Node): Operand {
    return node.operand ?? this.#refuse()
  }

  whole(): Condition {
    const condition = this.#condition(this.#any())
    if (this.#next.kind !== "end") this.#refuse()
    return condition
  }

  #series(kind: "any" | "all", signs: ReadonlyArray<string>, part: () => Node): Node {
    const first = part()
    const of = [first]
    while (this.#take(...signs)) of.push(part())
    if (of.length === 1) return first
    return { condition: { kind, of: of.map((node) => this.#condition(node)) } }
  }

  #any(): Node {
    return this.#series("any", ["or", "|", "||"], () =>
      this.#series("all", ["and", "&", "&&"], () => this.#not()),
    )
  }

  #not(): Node {
    if (!this.#take("not", "~", "!")) return this.#comparison()
    this.#depth += 1
    if (this.#depth > DEPTH_MOST) this.#refuse()
    const of = this.#condition(this.#not())
    this.#depth -= 1
    return { condition: { kind: "not", of } }
  }

  /** A chain `1 < x <= 5` holds where each of its comparisons does. */
  #comparison(): Node {
    const first = this.#sum()
    const membership = this.#membership(first)
    if (membership !== undefined) return membership
    const of: Array<Condition> = []
    let left = first
    for (;;) {
      const { kind, text } = this.#next
      if (kind !== "sign" || !isComparison(text)) break
      this.#at += 1
      if (this.#next.text === "[" && (text === "==" || text === "!=")) {
        const isIn: Condition = { kind: "in", of: this.#operand(left), values: this.#list() }
        return { condition: text === "==" ? isIn : { kind: "not", of: isIn } }
      }
      const right = this.#sum()
      of.push({
        kind: "compare",
        operator: text,
        left: this.#operand(left),
        right: this.#operand(right),
      })
      left = right
    }
    if (of.length === 0) return first
    return { condition: of.length === 1 ? of[0]! : { kind: "all", of } }
  }

  #membership(node: Node): Node | undefined {
    const isNegated = this.#next.text === "not" && this.#tokens[this.#at + 1]?.text === "in"
    if (isNegated) this.#at += 1
    if (!this.#take("in")) return undefined
    const isIn: Condition = { kind: "in", of: this.#operand(node), values: this.#list() }
    return { condition: isNegated ? { kind: "not", of: isIn } : isIn }
  }

  #list(): ReadonlyArray<Cell> {
    const closing = this.#next.text === "(" ? ")" : "]"
    if (!this.#take("[", "(")) this.#refuse()
    const values: Array<Cell> = []
    while (!this.#take(closing)) {
      const operand = this.#operand(this.#signed())
      if (operand.kind !== "literal") this.#refuse()
      values.push(operand.value)
      if (this.#next.text !== closing) this.#need(",")
    }
    return values
  }

  #sum(): Node {
    return this.#chain(
      (text) => text === "+" || text === "-",
      () => this.#chain(isProduct, () => this.#signed()),
    )
  }

  #chain(isOperator: (text: string) => boolean, part: () => Node): Node {
    let left = part()
    for (;;) {
      const { kind, text } = this.#next
      if (kind !== "sign" || !isArithmetic(text) || !isOperator(text)) return left
      this.#at += 1
      const right = this.#operand(part())
      left = {
        operand: { kind: "arithmetic", operator: text, left: this.#operand(left), right },
      }
    }
  }

  #signed(): Node {
    if (!this.#take("-")) return this.#primary()
    const right = this.#operand(this.#primary())
    if (right.kind === "literal" && typeof right.value === "number")
      return { operand: { kind: "literal", value: -right.value } }
    const zero: Operand = { kind: "literal", value: 0 }
    return { operand: { kind: "arithmetic", operator: "-", left: zero, right } }
  }

  #primary(): Node {
    const { kind, text } = this.#next
    if (this.#take("(")) {
      this.#depth += 1
      if (this.#depth > DEPTH_MOST) this.#refuse()
      const inner = this.#any()
      this.#depth -= 1
      this.#need(")")
      return inner.operand === undefined ? inner : this.#methods(inner.operand)
    }
    if (kind === "sign" || kind === "end") this.#refuse()
    this.#at += 1
    if (kind === "number") return { operand: { kind: "literal", value: Number(text) } }
    if (kind === "text") return { operand: { kind: "literal", value: unquoted(text) } }
    const literal = kind === "word" ? LITERALS.get(text) : undefined
    if (literal !== undefined) return { operand: { kind: "literal", value: literal } }
    if (kind === "word" && text === "col" && this.#take("(")) {
      const name = this.#next
      if (name.kind !== "text") this.#refuse()
      this.#at += 1
      this.#need(")")
      return this.#methods({ kind: "column", name: unquoted(name.text) })
    }
    return this.#methods({ kind: "column", name: text })
  }

  /** `x.isnull()` and the like; no other method is known. */
  #methods(operand: Operand): Node {
    if (!this.#take(".")) return { operand }
    const method = this.#next.text
    if (!NULL_METHODS.has(method) && !VALUE_METHODS.has(method)) this.#refuse()
    this.#at += 1
    this.#need("(")
    this.#need(")")
    const isNull: Condition = { kind: "null", of: operand }
    return { condition: NULL_METHODS.has(method) ? isNull : { kind: "not", of: isNull } }
  }
}

/** @throws KwargsRefused for text outside of what is known. */
export const readQuery = (text: string): Condition => new QueryParser(text).whole()
