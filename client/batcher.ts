// Many small requests of a model gathered into few: rows of requests of one form are sent together
// once there are enough of them or the first has waited for the window, and each caller gets the
// rows that are its own. A request that spoils its batch is found and fails alone.
import { deferred } from "./deadline.ts"
import { InferenceError, localError } from "./error.ts"
import type { InferRequest } from "./infer-body.ts"
import type { Inference, InferOptions } from "./inference-calls.ts"
import { isRetried } from "./retry.ts"
import { rowsOf, stacked } from "./tensor.ts"

export interface BatcherOptions extends Omit<InferOptions, "idempotencyKey" | "signal"> {
  /** Rows that make a batch go at once; a request with more goes alone. Default 64. */
  readonly rowsMax?: number
  /** How long the first request of a batch waits for others. Default 5 ms. */
  readonly windowMillis?: number
  /** Batches on their way at once; more wait. Default 4. */
  readonly batchesInFlightMax?: number
  /** Rows that wait or are on their way; more are `too_many_waiting`. Default 16384. */
  readonly rowsHeldMax?: number
}

export const BATCH_LIMITS = {
  rowsMax: 64,
  windowMillis: 5,
  batchesInFlightMax: 4,
  rowsHeldMax: 16_384,
} as const

/** What a caller of a batch gets: its own rows of the outputs. */
export type BatchedInference = Omit<Inference, "id"> & { readonly rowsInBatch: number }

interface Waiting {
  readonly request: InferRequest
  readonly rows: number
  readonly resolve: (answer: BatchedInference) => void
  readonly reject: (error: InferenceError) => void
  /** The caller has been told already. */
  settled: boolean
}

/** Requests that can be answered together. */
interface Group {
  readonly waiting: Array<Waiting>
  rows: number
  timer: ReturnType<typeof setTimeout> | undefined
}

export type Send = (request: InferRequest) => Promise<Inference>

/** Same names, datatypes, widths, outputs and parameters. */
const formOf = ({ inputs, outputs, parameters }: InferRequest): string =>
  JSON.stringify([
    inputs.map((one) => [one.name, one.datatype, one.shape.slice(1), one.parameters]),
    outputs,
    parameters,
  ])

const rowsIn = ({ inputs }: InferRequest): number => {
  const [first, ...others] = inputs
  const rows = first?.shape[0]
  if (rows === undefined || rows < 1)
    throw localError("invalid", "inputs: expected tensors with rows, got none")
  const other = others.find(({ shape }) => shape[0] !== rows)
  if (other !== undefined)
    throw localError("invalid", `${other.name}: expected ${rows} rows, got ${other.shape[0] ?? 0}`)
  return rows
}

const joinedRequest = (requests: ReadonlyArray<InferRequest>): InferRequest => {
  const [first] = requests
  if (first === undefined) throw localError("invalid", "a batch without requests")
  if (requests.length === 1) return first
  const inputs = first.inputs.map((one, place) =>
    stacked(
      one,
      requests.flatMap((request) => request.inputs[place] ?? []),
    ),
  )
  const { outputs, parameters } = first
  return {
    inputs,
    ...(outputs === undefined ? {} : { outputs }),
    ...(parameters === undefined ? {} : { parameters }),
  }
}
/** The rows of one caller; every output has to have a row for each row. */
const ownRows = (answer: Inference, from: number, to: number, rows: number): BatchedInference => {
  const { id: _, ...others } = answer
  const outputs = answer.outputs.map((one) => {
    if (one.shape[0] !== rows) {
      const got = `[${one.shape.join(",")}]`
      throw localError("badAnswer", `${one.name}: expected ${rows} rows, got the shape ${got}`)
    }
    return rowsOf(one, from, to)
  })
  return { ...others, outputs, rowsInBatch: rows }
}

export class Batcher {
  readonly #send: Send
  readonly #limits: Required<Pick<BatcherOptions, keyof typeof BATCH_LIMITS>>
  readonly #groups = new Map<string, Group>()
  readonly #ready: Array<ReadonlyArray<Waiting>> = []
  #inFlight = 0
  #rowsHeld = 0

  constructor(send: Send, options: BatcherOptions = {}) {
    this.#send = send
    this.#limits = { ...BATCH_LIMITS, ...options }
  }

  /**
   * Resolves with the answer to this request's rows. A signal that aborts takes the request out, or
   * leaves its rows in a batch that is on its way. The request's own `id` is not sent.
   */
  infer(
    request: InferRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<BatchedInference> {
    const { promise, resolve, reject } = deferred<BatchedInference>()
    try {
      this.#add(request, options.signal, resolve, reject)
    } catch (cause) {
      if (!(cause instanceof InferenceError)) throw cause
      reject(cause)
    }
    return promise
  }

  /** Sends what waits, without waiting for the window. */
  flush(): void {
    for (const form of [...this.#groups.keys()]) this.#close(form)
  }

  #add(
    request: InferRequest,
    signal: AbortSignal | undefined,
    resolve: Waiting["resolve"],
    reject: Waiting["reject"],
  ): void {
    const rows = rowsIn(request)
    const { rowsHeldMax, rowsMax, windowMillis } = this.#limits
    if (this.#rowsHeld + rows > rowsHeldMax)
      throw localError("tooManyWaiting", `rows: expected at most ${rowsHeldMax} here, got more`)
    if (signal?.aborted === true) throw localError("aborted", "the caller's signal")
    const abort = () => settle(() => reject(localError("aborted", "the caller's signal")))
    const settle = (tell: () => void) => {
      if (one.settled) return
      one.settled = true
      this.#rowsHeld -= rows
      signal?.removeEventListener("abort", abort)
      tell()
    }
    const one: Waiting = {
      request,
      rows,
      resolve: (answer) => settle(() => resolve(answer)),
      reject: (error) => settle(() => reject(error)),
      settled: false,
    }
    signal?.addEventListener("abort", abort)
    this.#rowsHeld += rows
    const form = formOf(request)
    if ((this.#groups.get(form)?.rows ?? 0) + rows > rowsMax) this.#close(form)
    const group = this.#groups.get(form) ?? this.#open(form, windowMillis)
    group.waiting.push(one)
    group.rows += rows
    if (group.rows >= rowsMax) this.#close(form)
  }

  #open(form: string, windowMillis: number): Group {
    const timer = setTimeout(() => this.#close(form), windowMillis)
    const group: Group = { waiting: [], rows: 0, timer }
    this.#groups.set(form, group)
    return group
  }

  #close(form: string): void {
    const group = this.#groups.get(form)
    if (group === undefined) return
    clearTimeout(group.timer)
    this.#groups.delete(form)
    this.#ready.push(group.waiting)
    this.#next()
  }

  #next(): void {
    while (this.#inFlight < this.#limits.batchesInFlightMax) {
      const batch = this.#ready.shift()
      if (batch === undefined) return
      this.#inFlight++
      void this.#run(batch).finally(() => {
        this.#inFlight--
        this.#next()
      })
    }
  }

  /** Never rejects. */
  async #run(all: ReadonlyArray<Waiting>): Promise<void> {
    const batch = all.filter(({ settled }) => !settled)
    if (batch.length === 0) return
    try {
      const answer = await this.#send(joinedRequest(batch.map(({ request }) => request)))
      this.#tell(batch, answer)
    } catch (cause) {
      const error =
        cause instanceof InferenceError ? cause : localError("invalid", String(cause), cause)
      if (batch.length === 1 || !mayBeOneOf(error)) for (const { reject } of batch) reject(error)
      else {
        // Half and half again finds the one with fewer requests than each alone.
        const middle = Math.ceil(batch.length / 2)
        await this.#run(batch.slice(0, middle))
        await this.#run(batch.slice(middle))
      }
    }
  }

  #tell(batch: ReadonlyArray<Waiting>, answer: Inference): void {
    const rows = batch.reduce((sum, one) => sum + one.rows, 0)
    let from = 0
    const own = batch.map((one) => {
      const to = from + one.rows
      const mine = ownRows(answer, from, to, rows)
      from = to
      return mine
    })
    own.forEach((mine, at) => batch[at]?.resolve(mine))
  }
}

/** Whether one request alone can be what the server refuses, or the batch is too large for it. */
const mayBeOneOf = (error: InferenceError): boolean =>
  (error.status >= 400 && !isRetried(error) && !DOOR.has(error.status)) ||
  error.code === "invalid_argument"
const DOOR: ReadonlySet<number> = new Set([401, 403, 404, 405])
