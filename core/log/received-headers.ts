// The headers of a received message, read in one pass over their bytes. The client checks each name
// character by character and keeps a list for each; that allocates more than the rest of a message
// together.
import type { Msg } from "nats"
import { asBuffer } from "../../proto/as-buffer.ts"

export interface ReceivedHeaders {
  /** The first value, "" when there is none. */
  readonly get: (name: string) => string
  /** The last value, "" when there is none: what a server adds stands behind what a client sent. */
  readonly last: (name: string) => string
  readonly keys: () => ReadonlyArray<string>
}

const END_OF_LINE = "\r\n"
/** Printable ASCII without the colon. */
const NAME_FORM = /^[\x21-\x39\x3b-\x7e]+$/
/** Of a bad name, what is shown. */
const SHOWN_CHARACTERS = 64
const NONE: ReadonlyMap<string, string> = new Map()

class Values implements ReceivedHeaders {
  readonly #first: ReadonlyMap<string, string>
  /** Of the names that came more than once. */
  readonly #last: ReadonlyMap<string, string>

  constructor(first: ReadonlyMap<string, string>, last: ReadonlyMap<string, string>) {
    this.#first = first
    this.#last = last
  }

  get(name: string): string {
    return this.#first.get(name) ?? ""
  }

  last(name: string): string {
    return this.#last.get(name) ?? this.get(name)
  }

  keys(): ReadonlyArray<string> {
    return [...this.#first.keys()]
  }
}

/**
 * Reads a header block: a version line, then a line for each header.
 *
 * @throws Error that names what is no name of a header.
 */
export const parseHeaders = (text: string): ReceivedHeaders => {
  const first = new Map<string, string>()
  let last: Map<string, string> | undefined
  let start = text.indexOf(END_OF_LINE) + END_OF_LINE.length
  while (start > 1 && start < text.length) {
    const found = text.indexOf(END_OF_LINE, start)
    const end = found === -1 ? text.length : found
    const colon = text.indexOf(":", start)
    if (colon !== -1 && colon < end) {
      const name = text.slice(start, colon)
      if (!NAME_FORM.test(name))
        throw new Error(
          `not the name of a header: ${JSON.stringify(name.slice(0, SHOWN_CHARACTERS))}`,
        )
      const value = text.slice(colon + 1, end).trim()
      if (!first.has(name)) first.set(name, value)
      else last = (last ?? new Map<string, string>()).set(name, value)
    }
    start = end + END_OF_LINE.length
  }
  return new Values(first, last ?? NONE)
}

/**
 * The header block as text, undefined when there is none. This version of the client keeps its
 * bytes here; another one is asked for its own reading.
 */
const blockOf = (message: Msg, encoding: "utf8" | "latin1"): string | undefined => {
  const whole: unknown = Reflect.get(message, "_rdata")
  const parts: unknown = Reflect.get(message, "_msg")
  const length: unknown =
    typeof parts === "object" && parts !== null ? Reflect.get(parts, "hdr") : undefined
  return whole instanceof Uint8Array && typeof length === "number" && length > 0
    ? asBuffer(whole).toString(encoding, 0, length)
    : undefined
}

/**
 * The headers of a message, undefined when it has none.
 *
 * @throws Error when they are none: a producer may send anything.
 */
export const receivedHeaders = (message: Msg): ReceivedHeaders | undefined => {
  const block = blockOf(message, "utf8")
  return block === undefined ? message.headers : parseHeaders(block)
}

/**
 * The last value of one header, "" when there is none: what the server adds stands behind what a
 * client sent. The others are not read.
 */
export const lastHeader = (message: Msg, name: string): string => {
  const block = blockOf(message, "latin1")
  if (block === undefined) return message.headers?.last(name) ?? ""
  const found = block.lastIndexOf(`${END_OF_LINE}${name}:`)
  if (found === -1) return ""
  const start = found + END_OF_LINE.length + name.length + 1
  return block.slice(start, block.indexOf(END_OF_LINE, start)).trim()
}
