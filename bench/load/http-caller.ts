// HTTP over raw sockets that are kept open, one request at a time on each: the cheapest way to ask,
// since the generator shares the machine with what it measures.
import { AnswerReader, type HttpAnswer } from "./http-answer.ts"
import type { Caller, Ended } from "./caller.ts"
import type { HttpTarget } from "./plan.ts"

type Socket = Bun.Socket<Connection>

/** A whole request as bytes. */
const requestBytes = (target: HttpTarget, body: Buffer): Buffer => {
  const { host, pathname, search } = new URL(target.url)
  const given = { "Content-Type": "application/json", ...target.headers }
  const headers = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${headers.join("")}`
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.byteLength}\r\n\r\n`), body])
}

class Connection {
  readonly #reader: AnswerReader
  readonly #open: (connection: Connection) => Promise<unknown>
  readonly #free: (connection: Connection) => void
  #socket: Socket | undefined
  #unsent: Buffer | undefined
  #waiting: ((answer: HttpAnswer | string) => void) | undefined

  constructor(
    keepBodies: boolean,
    open: (connection: Connection) => Promise<unknown>,
    free: (connection: Connection) => void,
  ) {
    this.#reader = new AnswerReader(keepBodies)
    this.#open = open
    this.#free = free
  }

  send(bytes: Buffer, done: (answer: HttpAnswer | string) => void): void {
    this.#waiting = done
    this.#unsent = bytes
    if (this.#socket === undefined) this.#open(this).catch(() => this.lost("cannot connect"))
    else this.write()
  }

  opened(socket: Socket): void {
    this.#socket = socket
    this.write()
  }

  write(): void {
    if (this.#unsent === undefined || this.#socket === undefined) return
    const written = this.#socket.write(this.#unsent)
    this.#unsent = written < this.#unsent.byteLength ? this.#unsent.subarray(written) : undefined
  }

  data(piece: Buffer): void {
    let answer: HttpAnswer | undefined
    try {
      answer = this.#reader.read(piece)
    } catch {
      this.#socket?.terminate()
      return
    }
    if (answer === undefined) return
    if (answer.closes) this.close()
    this.#end(answer)
  }

  lost(why: string): void {
    this.#socket = undefined
    this.#end(why)
  }

  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.end()
  }

  #end(answer: HttpAnswer | string): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    this.#unsent = undefined
    this.#free(this)
    waiting(answer)
  }
}

/** Asks one target, with as many connections as there are requests under way. */
export class HttpCaller implements Caller {
  readonly #requests: ReadonlyArray<Buffer>
  readonly #idle: Array<Connection> = []
  readonly #all = new Set<Connection>()
  readonly #keepBodies: boolean
  readonly #open: (connection: Connection) => Promise<unknown>

  constructor(target: HttpTarget, keepBodies = false) {
    const { hostname, port } = new URL(target.url)
    this.#requests = target.bodies.map((body) => requestBytes(target, Buffer.from(body, "base64")))
    this.#keepBodies = keepBodies
    this.#open = (connection) =>
      Bun.connect<Connection>({
        hostname,
        port: Number(port),
        data: connection,
        socket: {
          open: (socket) => socket.data.opened(socket),
          data: (socket, piece) => socket.data.data(piece),
          drain: (socket) => socket.data.write(),
          close: (socket) => socket.data.lost("connection closed"),
        },
      })
  }

  send(index: number, ended: Ended): void {
    this.ask(index, (answer) => {
      if (typeof answer === "string") ended(answer)
      else
        ended(answer.status >= 200 && answer.status < 300 ? undefined : `status ${answer.status}`)
    })
  }

  /** The whole answer, or why there is none. */
  ask(index: number, done: (answer: HttpAnswer | string) => void): void {
    const request = this.#requests[index % this.#requests.length]
    if (request === undefined) throw new Error("a target needs bodies")
    const connection = this.#idle.pop() ?? this.#connection()
    connection.send(request, done)
  }

  async close(): Promise<void> {
    for (const connection of this.#all) connection.close()
  }

  #connection(): Connection {
    const made = new Connection(this.#keepBodies, this.#open, (free) => this.#idle.push(free))
    this.#all.add(made)
    return made
  }
}
