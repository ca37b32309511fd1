// Many outcomes in one request, a line each, answered line by line in their order while more are
// still coming. A line that is wrong spoils no other; two lines of one id are taken in their order.
import { setTimeout as pause } from "node:timers/promises"
import { csvOutcomes, type CsvReader } from "#core/outcomes/csv-outcomes"
import { parseOutcome, type BadOutcome, type ParsedOutcome } from "#core/outcomes/outcome"
import type { Caller } from "../access/caller.ts"
import type { Seats } from "../access/seats.ts"
import { checkEncoding } from "../http/body.ts"
import { isNdjson, NDJSON_TYPE, readLines, type Line } from "../http/ndjson.ts"
import { CASES, refuse, type Refusal } from "../http/status.ts"
import { BulkWindow } from "../inference/bulk-window.ts"
import { CSV_TYPE } from "./outcome-operations.ts"
import type { TakeOutcome, Told } from "./outcome-routes.ts"

const RETRY_AFTER_SECONDS = 2
/** A caller that takes no answer for so long has gone away. */
const UNREAD_MAX_MILLIS = 30_000
const PAUSE_MILLIS = 200

export interface BulkOutcomesOptions {
  readonly take: TakeOutcome
  readonly requestBytesMax: number
  /** Shared with bulks of requests: together they bound what a process holds. */
  readonly seats: Seats
  readonly keepOpen: (request: Request) => void
  readonly stopping: AbortSignal
}

type ReadLine = (text: string) => ParsedOutcome | BadOutcome | "head"

const isCsv = (request: Request): boolean =>
  (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() === CSV_TYPE

/** The first line of a table names its columns; without the right ones no line can be read. */
const csvLines = (): ReadLine => {
  let reader: CsvReader | BadOutcome | undefined
  return (text) => {
    if (reader === undefined) {
      reader = csvOutcomes(text)
      return "kind" in reader ? reader : "head"
    }
    return "kind" in reader ? reader : reader.read(text)
  }
}

const stopped = refuse(
  "logUnavailable",
  "the gateway is stopping: this line and those after it were not read",
)

const encoder = new TextEncoder()

const answerLine = (line: number, told: Told | Refusal): string => {
  if (told.kind === "told") {
    const { kind: _, ...rest } = told
    return `${JSON.stringify({ line, ...rest })}\n`
  }
  const { error, message, id } = told
  const { status, code } = CASES[error]
  return `${JSON.stringify({ line, id, status, error: message, code })}\n`
}

export class BulkOutcomes {
  readonly #options: BulkOutcomesOptions

  constructor(options: BulkOutcomesOptions) {
    this.#options = options
  }

  refusalOf(request: Request): Refusal | undefined {
    const wrong = checkEncoding(request.headers)
    if (wrong !== undefined) return wrong
    if (isNdjson(request.headers) || isCsv(request)) return undefined
    const got = (request.headers.get("content-type") ?? "none").slice(0, 80)
    const expected = `Content-Type: expected ${NDJSON_TYPE} or ${CSV_TYPE}, got ${got}`
    return refuse("unsupportedMediaType", expected)
  }

  answer(request: Request, caller: Caller, model: string): Response | Refusal {
    const { keepOpen, stopping, seats } = this.#options
    const seat = seats.take(caller)
    if (seat.kind === "taken")
      return refuse("tooManyInFlight", `bulks are answered here, ${seat.limit}`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    keepOpen(request)
    const window = new BulkWindow()
    let lastLine = 0
    const end = () => window.end(answerLine(lastLine + 1, stopped))
    stopping.addEventListener("abort", end)
    let open = true
    const close = () => {
      if (!open) return
      open = false
      stopping.removeEventListener("abort", end)
      window.end()
      seat.leave()
    }
    request.signal.addEventListener("abort", close, { once: true })
    const onLine = (number: number) => {
      lastLine = number
    }
    void this.#read(request, caller, model, window, onLine)
    return new Response(outgoing(window, close), { headers: { "content-type": NDJSON_TYPE } })
  }

  async #read(
    request: Request,
    caller: Caller,
    model: string,
    window: BulkWindow,
    onLine: (number: number) => void,
  ): Promise<void> {
    const { requestBytesMax, take } = this.#options
    const read: ReadLine = isCsv(request) ? csvLines() : parseOutcome
    /** What is under way, by id: a correction must not overtake what it corrects. */
    const last = new Map<string, Promise<unknown>>()
    const takeInOrder = async (line: Line, outcome: ParsedOutcome | BadOutcome) => {
      const id = outcome.kind === "bad" ? undefined : outcome.id
      const before = id === undefined ? undefined : last.get(id)
      const own = (async () => {
        await before?.catch(() => undefined)
        await turn(caller, window)
        return take(model, undefined, outcome, caller)
      })()
      if (id !== undefined) last.set(id, own)
      const told = await own.catch(() => refuse("internal", "the gateway failed on this line"))
      if (id !== undefined && last.get(id) === own) last.delete(id)
      return answerLine(line.number, told)
    }
    try {
      if (request.body === null) return
      for await (const line of readLines(request.body, requestBytesMax)) {
        if (window.ended) return
        onLine(line.number)
        const outcome = outcomeOf(line, read, requestBytesMax)
        if (outcome === "head") continue
        await window.add(takeInOrder(line, outcome), line.text?.length ?? 0)
      }
    } catch {
      // The caller went away while it sent; there is nobody to tell.
    } finally {
      window.end()
    }
  }
}

const outcomeOf = (line: Line, read: ReadLine, limit: number) => {
  if (line.text !== undefined) return read(line.text)
  const reason =
    line.fault === "tooLong"
      ? `line: expected at most ${limit} bytes, got more`
      : "line: expected UTF-8, got other bytes"
  return { kind: "bad", reason } as const
}

/** Each line counts against the rate of the caller's key: a bulk is slowed by it, not refused. */
const turn = async (caller: Caller, window: BulkWindow): Promise<void> => {
  while (caller.takeMore() !== undefined && !window.ended) await pause(PAUSE_MILLIS)
}

const outgoing = (window: BulkWindow, close: () => void): ReadableStream<Uint8Array> => {
  let unread: ReturnType<typeof setTimeout> | undefined
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        clearTimeout(unread)
        const text = await window.next()
        if (text === undefined) {
          close()
          controller.close()
          return
        }
        controller.enqueue(encoder.encode(text))
        unread = setTimeout(() => {
          close()
          controller.error(new Error(`not read for ${UNREAD_MAX_MILLIS} ms`))
        }, UNREAD_MAX_MILLIS)
      },
      cancel: () => {
        clearTimeout(unread)
        close()
      },
    },
    { highWaterMark: 0 },
  )
}
