// Reading a stream from a sequence on, in order and without acks: a range of the past, or the past
// and then whatever comes. The reader sets the pace. A consumer that is lost (server restart,
// leader change) is made again where reading stopped.
import { setTimeout as pause } from "node:timers/promises"
import { Schema } from "effect"
import { AckPolicy, DeliverPolicy, NatsError, ReplayPolicy, type ConsumerConfig } from "nats"
import type { Log } from "./log.ts"
import type { Delivery } from "./delivery.ts"
import { Pull } from "./pull.ts"

/** Messages fetched ahead of the reader unless it says less; more was not faster. */
const AHEAD_MAX = 1_000
/** An ephemeral consumer whose reader is gone for so long is removed by the server. */
const INACTIVE_MILLIS = 60_000
const NANOS_PER_MILLI = 1_000_000
/** Between two attempts to make a lost consumer again. */
const REMAKE_PAUSE_MILLIS = 200
/**
 * A range that has gone quiet is asked about after this: its last messages may have been dropped
 * meanwhile.
 */
const RANGE_QUIET_MILLIS = 1_000

/**
 * How often an observer of the facts looks for more when none came; while they come, five times as
 * often (pull.ts). None is in a hurry, and being told of each fact alone would take from serving.
 */
export const LOOK_MILLIS = 200

/** What was asked for is no longer in the stream. */
export class RangeGone extends Schema.TaggedError<RangeGone>()("RangeGone", {
  stream: Schema.String,
  from: Schema.Finite,
  first: Schema.Finite,
}) {
  override get message() {
    return `${this.stream} begins at ${this.first}; ${this.from} is no longer held`
  }
}

export type Entry = Pick<
  Delivery,
  "subject" | "data" | "headers" | "sequence" | "storedAt" | "pending"
>

export interface ReadOptions {
  readonly stream: string
  /** First sequence to read. */
  readonly from: number
  /** One subject or pattern; leave it out for all. */
  readonly filter?: string | undefined
  readonly headersOnly?: boolean
  /** Messages fetched ahead of the reader: what a slow one costs in memory. */
  readonly aheadMax?: number
  /** How often it looks for more (pull.ts); told of each message without. */
  readonly paceMillis?: number
  readonly signal?: AbortSignal | undefined
}

const consumerConfig = (options: ReadOptions, from: number): Partial<ConsumerConfig> => ({
  ack_policy: AckPolicy.None,
  replay_policy: ReplayPolicy.Instant,
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: INACTIVE_MILLIS * NANOS_PER_MILLI,
  ...(from <= 1
    ? { deliver_policy: DeliverPolicy.All }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }),
  ...(options.filter === undefined ? {} : { filter_subject: options.filter }),
  ...(options.headersOnly === true ? { headers_only: true } : {}),
})

const isAborted = (options: ReadOptions): boolean => options.signal?.aborted === true

/** A reader's own queue between the callback of the consumer and its loop. */
class Inbox {
  readonly #entries: Array<Delivery> = []
  #wake: (() => void) | undefined
  lost = false

  push(delivery: Delivery): void {
    this.#entries.push(delivery)
    this.#wake?.()
  }

  interrupt(): void {
    this.#wake?.()
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /**
   * All that is there; waits for a first one. Empty after an interruption, or when `waitMillis` are
   * over.
   */
  async take(waitMillis: number | undefined): Promise<ReadonlyArray<Delivery>> {
    if (this.#entries.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const timer = waitMillis === undefined ? undefined : setTimeout(resolve, waitMillis)
      await promise
      clearTimeout(timer)
      this.#wake = undefined
    }
    return this.#entries.splice(0)
  }
}

interface Attachment {
  readonly inbox: Inbox
  /** Messages that there were to deliver when the consumer was made. */
  readonly found: number
  /** Messages that the consumer has not delivered yet. */
  readonly pending: () => Promise<number>
  readonly end: () => Promise<void>
}

/** A stream that is not there is a fault of the caller, everything else passes with time. */
export const isNoStream = (cause: unknown): boolean =>
  cause instanceof NatsError && cause.api_error?.err_code === 10059

const attach = async (log: Log, options: ReadOptions, from: number): Promise<Attachment> => {
  const { manager } = log
  const info = await manager.consumers.add(options.stream, consumerConfig(options, from))
  const { name, num_pending: found } = info
  const inbox = new Inbox()
  const pull = new Pull(log, {
    stream: options.stream,
    consumer: name,
    unfinishedMax: options.aheadMax ?? AHEAD_MAX,
    paceMillis: options.paceMillis,
    onDelivery: (delivery) => inbox.push(delivery),
    onLoss: () => {
      inbox.lost = true
      inbox.interrupt()
    },
  })
  const abort = () => inbox.interrupt()
  options.signal?.addEventListener("abort", abort)
  return {
    inbox,
    found,
    pending: async () => (await manager.consumers.info(options.stream, name)).num_pending,
    end: async () => {
      options.signal?.removeEventListener("abort", abort)
      void pull.stop()
      await manager.consumers.delete(options.stream, name).catch(() => undefined)
    },
  }
}

const attachPatiently = async (
  log: Log,
  options: ReadOptions,
  from: number,
): Promise<Attachment | undefined> => {
  while (!isAborted(options)) {
    try {
      // The client drops what it is given while disconnected: the wait would be for nothing.
      if (log.link.up || log.connection.isClosed()) return await attach(log, options, from)
    } catch (cause) {
      if (isNoStream(cause) || log.connection.isClosed()) throw cause
    }
    await pause(REMAKE_PAUSE_MILLIS)
  }
  return undefined
}

/** Reads on for ever, or up to `until`. */
async function* read(log: Log, options: ReadOptions, until: number): AsyncGenerator<Entry> {
  const quiet = until === Infinity ? undefined : RANGE_QUIET_MILLIS
  let next = options.from
  while (!isAborted(options)) {
    const attachment = await attachPatiently(log, options, next)
    if (attachment === undefined) return
    const { inbox } = attachment
    try {
      if (quiet !== undefined && attachment.found === 0) return
      while (!inbox.lost && !isAborted(options)) {
        const deliveries = await inbox.take(quiet)
        for (const delivery of deliveries) {
          delivery.done()
          // After a reconnect the server may repeat what was already on its way.
          if (delivery.sequence < next) continue
          if (delivery.sequence > until) return
          next = delivery.sequence + 1
          yield delivery
          if (isAborted(options)) return
          // Behind a filter no message may have the sequence `until` itself.
          if (next > until || (quiet !== undefined && delivery.pending === 0)) return
        }
        if (deliveries.length > 0 || quiet === undefined) continue
        const pending = await attachment.pending().catch(() => undefined)
        if (pending === undefined) break
        // What was delivered while we asked no longer counts as pending.
        if (pending === 0 && inbox.isEmpty) return
      }
    } finally {
      await attachment.end()
    }
  }
}

/**
 * Yields every message from `from` on, for ever, each once and in order; ends when the signal
 * aborts. Messages that the stream dropped before they were read are skipped: compare sequences
 * where that matters.
 */
export const follow = (log: Log, options: ReadOptions): AsyncGenerator<Entry> =>
  read(log, options, Infinity)

const refuseDropped = async (log: Log, stream: string, from: number): Promise<void> => {
  const { state } = await log.manager.streams.info(stream)
  if (state.first_seq > from) throw new RangeGone({ stream, from, first: state.first_seq })
}

/**
 * Yields the messages with sequences from `from` to `to`, both included, and then ends. `to` is cut
 * to the last message that the stream holds when reading begins.
 *
 * @throws RangeGone when the stream no longer holds `from`; without a filter also when it drops
 * messages of the range before they were read. Behind a filter what is dropped cannot be told from
 * what does not match.
 */
export async function* readRange(
  log: Log,
  options: ReadOptions & { readonly to: number },
): AsyncGenerator<Entry> {
  const { state } = await log.manager.streams.info(options.stream)
  const from = Math.max(1, options.from)
  if (from < state.first_seq && state.first_seq > 1)
    throw new RangeGone({ stream: options.stream, from, first: state.first_seq })
  const to = Math.min(options.to, state.last_seq)
  if (state.messages === 0 || from > to) return
  const isWhole = options.filter === undefined
  let next = from
  for await (const entry of read(log, { ...options, from }, to)) {
    if (isWhole && entry.sequence > next) await refuseDropped(log, options.stream, next)
    next = entry.sequence + 1
    yield entry
  }
  if (isWhole && next <= to && !isAborted(options)) await refuseDropped(log, options.stream, next)
}
