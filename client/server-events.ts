// Server-sent events from bytes, as the HTML standard reads them, with a bound on what is held. It
// connects to nothing.
import { badAnswer } from "./json-text.ts"

export interface ServerEvent {
  /** `message` where the server names none. */
  readonly name: string
  readonly data: string
  /** Where a reader that has it goes on. */
  readonly id: string
}

export interface EventParserOptions {
  /** Characters of one event, and of one line. */
  readonly charactersMax: number
}

const LINE_END = /\r\n|\r|\n/g

export class EventParser {
  readonly #charactersMax: number
  readonly #decoder = new TextDecoder()
  #line = ""
  /** The last part ended with a CR, whose LF may still come. */
  #skipsNewline = false
  #name = ""
  #data: Array<string> = []
  #size = 0
  #idRead = ""
  #id = ""
  #retryMillis: number | undefined

  constructor({ charactersMax }: EventParserOptions) {
    this.#charactersMax = charactersMax
  }

  /** Of the last event that ended, also of one without data: where to go on after a break. */
  get lastId(): string {
    return this.#id
  }

  /** How soon the server wants readers back. */
  get retryMillis(): number | undefined {
    return this.#retryMillis
  }

  /** The events that these bytes complete. Throws where an event is longer than may be held. */
  push(bytes: Uint8Array): ReadonlyArray<ServerEvent> {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === "") return []
    if (this.#skipsNewline && text.startsWith("\n")) text = text.slice(1)
    this.#skipsNewline = text.endsWith("\r")
    const events: Array<ServerEvent> = []
    let from = 0
    for (const found of text.matchAll(LINE_END)) {
      this.#hold(text.slice(from, found.index))
      from = found.index + found[0].length
      const event = this.#endLine()
      if (event !== undefined) events.push(event)
    }
    this.#hold(text.slice(from))
    return events
  }

  #hold(text: string): void {
    this.#line += text
    if (this.#line.length + this.#size > this.#charactersMax)
      throw badAnswer(`at most ${this.#charactersMax} characters of an event`, "more")
  }

  #endLine(): ServerEvent | undefined {
    const line = this.#line
    this.#line = ""
    if (line === "") return this.#endEvent()
    const colon = line.indexOf(":")
    if (colon === 0) return undefined
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (field === "event") this.#name = value
    else if (field === "data") this.#addData(value)
    else if (field === "id" && !value.includes("\0")) this.#idRead = value
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.#retryMillis = Number(value)
    return undefined
  }

  #addData(value: string): void {
    this.#data.push(value)
    this.#size += value.length + 1
  }

  #endEvent(): ServerEvent | undefined {
    this.#id = this.#idRead
    const event =
      this.#data.length === 0
        ? undefined
        : { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id }
    this.#name = ""
    this.#data = []
    this.#size = 0
    return event
  }
}
