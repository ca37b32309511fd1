// Reads one HTTP/1.1 answer at a time from the pieces that a socket gives. It knows lengths and
// chunks, which is what servers of predictions send, and nothing else of the protocol.

export interface HttpAnswer {
  readonly status: number
  /** Empty when the reader was told to keep no bodies. */
  readonly body: string
  /** The server ends the connection after this answer. */
  readonly closes: boolean
}

const HEAD_END = "\r\n\r\n"
/** An answer's head is some 200 bytes; a longer one is not an answer. */
const HEAD_MAX_BYTES = 65_536

interface Head {
  readonly status: number
  readonly start: number
  /** Undefined for a body in chunks. */
  readonly length: number | undefined
  readonly closes: boolean
}

const readHead = (bytes: Buffer): Head | undefined => {
  const end = bytes.indexOf(HEAD_END)
  if (end === -1) {
    if (bytes.byteLength > HEAD_MAX_BYTES) throw new Error("not an HTTP answer")
    return undefined
  }
  const text = bytes.toString("latin1", 0, end)
  const status = Number(text.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  const chunked = length === undefined && /\r\ntransfer-encoding: *chunked/i.test(text)
  return {
    status,
    start: end + HEAD_END.length,
    length: chunked ? undefined : Number(length ?? 0),
    closes: /\r\nconnection: *close/i.test(text),
  }
}

/** The chunks from `start` on as one body and where they end; undefined while some are missing. */
const readChunks = (bytes: Buffer, start: number) => {
  const parts: Array<string> = []
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error("not a chunk")
    const end = lineEnd + 2 + size + 2
    if (bytes.byteLength < end) return undefined
    if (size === 0) return { body: parts.join(""), end }
    parts.push(bytes.toString("utf8", lineEnd + 2, end - 2))
    at = end
  }
}

export class AnswerReader {
  readonly #keepBodies: boolean
  #pending: Buffer | undefined
  #head: Head | undefined

  constructor(keepBodies: boolean) {
    this.#keepBodies = keepBodies
  }

  /**
   * The answer once its last piece is there. Only one request may be under way: what follows an
   * answer is thrown away. Throws for what is not HTTP.
   */
  read(piece: Buffer): HttpAnswer | undefined {
    const bytes = this.#pending === undefined ? piece : Buffer.concat([this.#pending, piece])
    this.#head ??= readHead(bytes)
    const head = this.#head
    if (head !== undefined) {
      const body = this.#body(bytes, head)
      if (body !== undefined) {
        this.#pending = undefined
        this.#head = undefined
        return { status: head.status, body, closes: head.closes }
      }
    }
    // The socket may use its buffer again.
    this.#pending = this.#pending === undefined ? Buffer.from(bytes) : bytes
    return undefined
  }

  #body(bytes: Buffer, { start, length }: Head): string | undefined {
    if (length === undefined) return readChunks(bytes, start)?.body
    if (bytes.byteLength < start + length) return undefined
    return this.#keepBodies ? bytes.toString("utf8", start, start + length) : ""
  }
}
