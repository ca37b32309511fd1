// How the work of a pattern grows with its text, judged by its form: an engine that backtracks may
// give up and say "no match", which would be a wrong verdict. It is conservative: what it cannot
// see to be unambiguous it calls boundless.

/** The pattern has more than one way to match the same text, and they multiply. */
export class Ambiguous extends Error {
  override readonly name = "Ambiguous"
}

interface Part {
  /** Characters (of the samples) that it may hold, and that it may begin with, as bits. */
  readonly holds: bigint
  readonly begins: bigint
  readonly nullable: boolean
  /** Whether it matches texts of different lengths. */
  readonly varies: boolean
  readonly isUnbounded: boolean
  /** One character, always there. */
  readonly isMark: boolean
  readonly degree: number
}

const NOTHING: Part = {
  holds: 0n,
  begins: 0n,
  nullable: true,
  varies: false,
  isUnbounded: false,
  isMark: false,
  degree: 0,
}
/** ASCII, and one each of what classes of Unicode tell apart. */
const SAMPLES = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  ..."éÉ日٣\u00a0😀",
]
const EVERY = (1n << BigInt(SAMPLES.length)) - 1n
const ATOM = /\\(?:[pP]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|k<\w+>|\d+|.)|[^]/uy
const CLASS = /\[(?:\\[^]|[^\]\\])*\]/uy
const OPENING = /\((?:\?(?:<?[=!]|:|<\w+>))?/uy
const QUANTIFIER = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/uy

class Reader {
  readonly #text: string
  readonly #flags: string
  #at = 0

  constructor(text: string, flags: string) {
    this.#text = text
    this.#flags = flags
  }

  alternatives(): Part {
    const all = [this.#sequence()]
    while (this.#text[this.#at] === "|") {
      this.#at++
      all.push(this.#sequence())
    }
    return all.length === 1 ? all[0]! : either(all)
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found
  }

  #sequence(): Part {
    const parts: Array<Part> = []
    while (this.#at < this.#text.length && !"|)".includes(this.#text[this.#at] ?? "")) {
      const part = this.#atom()
      const quantifier = this.#take(QUANTIFIER)
      parts.push(quantifier === undefined ? part : repeated(part, quantifier))
    }
    return inTurn(parts)
  }

  #atom(): Part {
    const opening = this.#take(OPENING)?.[0]
    if (opening !== undefined) {
      const inner = this.alternatives()
      this.#at++
      return /[=!]$/u.test(opening) ? { ...NOTHING, degree: inner.degree } : inner
    }
    const text = (this.#take(CLASS) ?? this.#take(ATOM))?.[0] ?? ""
    if (text === "^" || text === "$") return NOTHING
    if (/^\\(?:k<|[1-9])/u.test(text))
      return { ...NOTHING, holds: EVERY, begins: EVERY, varies: true }
    const one = new RegExp(`^${text}$`, this.#flags)
    const holds = SAMPLES.reduce(
      (bits, sample, at) => (one.test(sample) ? bits | (1n << BigInt(at)) : bits),
      0n,
    )
    return { ...NOTHING, holds, begins: holds, nullable: false, isMark: true }
  }
}

const either = (all: ReadonlyArray<Part>): Part => {
  const overlap = all.some(({ begins }, at) =>
    all.some((other, i) => i < at && (other.begins & begins) !== 0n),
  )
  return {
    holds: all.reduce((bits, { holds }) => bits | holds, 0n),
    begins: all.reduce((bits, { begins }) => bits | begins, 0n),
    nullable: all.some(({ nullable }) => nullable),
    varies: overlap || all.some(({ varies }) => varies),
    isUnbounded: all.some(({ isUnbounded }) => isUnbounded),
    isMark: all.every(({ isMark }) => isMark) && !overlap,
    degree: Math.max(...all.map(({ degree }) => degree)),
  }
}

/** Where each turn of a group has one mark that nothing else in it can be, turns cannot shift. */
const hasMark = (parts: ReadonlyArray<Part>): boolean =>
  parts.some(
    ({ isMark, holds }, at) =>
      isMark && parts.every((other, i) => i === at || (other.holds & holds) === 0n),
  )

const inTurn = (parts: ReadonlyArray<Part>): Part => {
  if (parts.length === 1) return parts[0]!
  let begins = 0n
  let degree = 0
  let run = 0n
  for (const part of parts) {
    // What an unbounded part held can be handed on only through parts that hold the same.
    if (part.isUnbounded) {
      degree = (run & part.holds) === 0n ? Math.max(degree, part.degree) : degree + part.degree
      run |= part.holds
    } else if (!part.nullable && (run & part.holds) === 0n) run = 0n
    degree = Math.max(degree, part.degree)
  }
  for (const part of parts) {
    begins |= part.begins
    if (!part.nullable) break
  }
  return {
    holds: parts.reduce((bits, { holds }) => bits | holds, 0n),
    begins,
    nullable: parts.every(({ nullable }) => nullable),
    varies: parts.some(({ varies }) => varies) && !hasMark(parts),
    isUnbounded: parts.some(({ isUnbounded }) => isUnbounded),
    isMark: false,
    degree,
  }
}

const repeated = (part: Part, [text, least, comma, most]: RegExpExecArray): Part => {
  const isOptional = text.startsWith("?")
  const isOpen = /^[*+]/u.test(text) || (comma !== undefined && most === "")
  const max = isOptional ? 1 : isOpen ? Infinity : Number(most ?? least)
  const nullable = part.nullable || text.startsWith("*") || isOptional || Number(least) === 0
  if (max > 1 && (part.varies || (part.nullable && part.holds !== 0n)))
    throw new Ambiguous(`a group that can match in several ways is repeated by "${text}"`)
  const isFixed = comma === undefined && least !== undefined
  const isUnbounded = isOpen || part.isUnbounded
  const degree = Math.max(part.degree, isOpen ? 1 : 0)
  const varies = part.varies || !isFixed
  return { ...part, nullable, varies, isUnbounded, isMark: false, degree }
}

/**
 * The power of the length of a text with which the work of a search can grow: 1 for what reads it
 * once. `source` is JavaScript's, in Unicode mode.
 *
 * @throws Ambiguous where it grows exponentially, or might.
 */
export const searchDegree = (source: string, flags: string): number => {
  const { degree } = new Reader(source, flags).alternatives()
  const isAnchored = /^(?:\^|\(\?<!\[\^\]\))/u.test(source) && !/\||m/u.test(flags + source)
  return Math.max(1, degree + (isAnchored || degree === 0 ? 0 : 1))
}
