// The process manager of alerts: reads findings and targets from the log, sends what is due
// and records each attempt, so that a restart goes on where it was. Delivery is at least once with
// a constant `webhook-id`; receivers drop what they know. It decides nothing: the outbox does.
import { createHash } from "node:crypto"
import { ALL_WEBHOOKS, EVENTS, FINDINGS } from "#proto/subjects"
import { WebhookAttempted } from "#proto/webhook"
import { follow } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { reasonOf, type Logger } from "../service/logger.ts"
import { ALERT_SOURCES, type Alert } from "./alert.ts"
import { readAttempts, recordAttempt } from "./attempts.ts"
import type { Clock } from "./clock.ts"
import { jobKey, Outbox, type Job } from "./outbox.ts"
import { bodyFor } from "./receivers.ts"
import { next, type Reply } from "./schedule.ts"
import type { Message, Send } from "./send.ts"
import { signedHeaders } from "./signature.ts"
import { readStored, readSubscriptions, type Subscriptions } from "./subscriptions.ts"
import { describeTarget, endpointOf, type Target } from "./target.ts"

/** An attempt that has not ended by then is made again after the restart. */
const CLOSE_WAIT_MILLIS = 5_000
/** After a look for alerts failed. */
const RESCAN_PAUSE_MILLIS = 1_000
const PRUNE_INTERVAL_MILLIS = 3_600_000
const SECOND_MILLIS = 1_000
const PLAIN_ID = /^[A-Za-z0-9_-]{1,64}$/

export interface DeliveryOptions {
  readonly log: Log
  readonly logger: Logger
  /** From the configuration; each hides one of the same name that was created at run time. */
  readonly operatorTargets: ReadonlyArray<Target>
  readonly send: Send
  readonly clock: Clock
  /** From [0, 1). */
  readonly random: () => number
  /** Hears each attempt once it is recorded. */
  readonly onAttempt?: (fact: WebhookAttempted) => void
}

/** The id that every attempt about a finding carries. */
export const webhookId = (finding: string): string =>
  PLAIN_ID.test(finding) ? finding : createHash("sha256").update(finding).digest("hex")

/** The message about a finding as a target gets it at a time. */
export const messageFor = (target: Target, finding: Alert, now: number): Message => {
  const { contentType, bytes } = bodyFor(target.kind, finding)
  const seconds = Math.floor(now / SECOND_MILLIS)
  return {
    headers: {
      "content-type": contentType,
      "user-agent": "weir",
      ...signedHeaders(target.secrets, webhookId(finding.id), seconds, bytes),
    },
    body: bytes,
  }
}

const factOf = (job: Job, reply: Reply, at: number, random: number): WebhookAttempted => {
  const { alert, target, attempt, step } = job
  return WebhookAttempted.make({
    alert: alert.id,
    model: alert.model,
    target: target.name,
    endpoint: endpointOf(target),
    attempt,
    step,
    ...(reply.kind === "answered" ? { status: reply.status } : { error: reply.reason }),
    ...next({ step, reply, at }, random),
    at,
  })
}

const droppedFact = ({ alert, target, attempt, step }: Job, at: number): WebhookAttempted =>
  WebhookAttempted.make({
    alert: alert.id,
    model: alert.model,
    target: target.name,
    endpoint: endpointOf(target),
    attempt,
    step,
    error: "too many alerts wait",
    outcome: "dropped",
    at,
  })

export class Delivery {
  readonly #options: DeliveryOptions
  readonly #outbox: Outbox
  readonly #subscriptions: Subscriptions
  readonly #inFlight = new Map<string, Job>()
  readonly #abort = new AbortController()
  readonly #work = new Set<Promise<void>>()
  readonly #ended = Promise.withResolvers<void>()
  #cancelWake: (() => void) | undefined
  #prunedAt = 0

  constructor(options: DeliveryOptions, outbox: Outbox, subscriptions: Subscriptions) {
    this.#options = options
    this.#outbox = outbox
    this.#subscriptions = subscriptions
    this.#setTargets()
    this.#keep(this.#followSubscriptions())
    for (const source of ALERT_SOURCES) this.#keep(this.#followFindings(source))
  }

  /** Rejects when nothing can be delivered any more: what is stored cannot be read, or written. */
  get done(): Promise<void> {
    return this.#ended.promise
  }

  /** Alerts that some target has still to get. */
  get waiting(): number {
    return this.#outbox.waiting
  }

  get targets(): ReadonlyArray<Target> {
    const { operatorTargets, clock } = this.#options
    const own = new Set(operatorTargets.map(({ name }) => name))
    const added = this.#subscriptions.targets(clock.now()).filter(({ name }) => !own.has(name))
    return [...operatorTargets, ...added]
  }

  /** Begins nothing new; waits a little for what is on its way. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#cancelWake?.()
    const { promise: overdue, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, CLOSE_WAIT_MILLIS)
    await Promise.race([Promise.all(this.#work), overdue])
    clearTimeout(timer)
    this.#ended.resolve()
  }

  #keep(work: Promise<void>): void {
    const kept = work
      .catch((cause: unknown) => this.#ended.reject(cause))
      .finally(() => this.#work.delete(kept))
    this.#work.add(kept)
  }

  #setTargets(): void {
    this.#outbox.setTargets(this.targets)
  }

  async #followSubscriptions(): Promise<void> {
    const from = this.#subscriptions.position + 1
    const { signal } = this.#abort
    const options = { stream: EVENTS, from, filter: ALL_WEBHOOKS, signal }
    for await (const entry of follow(this.#options.log, options)) {
      const fact = this.#subscriptions.apply(entry)
      this.#setTargets()
      if (fact._tag === "WebhookRetryRequested")
        this.#outbox.retryRequested(fact.name, fact.alert, fact.at)
      // What was finished, or found before we heard of the target, is no longer in the outbox.
      if (fact._tag === "WebhookRetryRequested" || fact._tag === "WebhookAdded")
        this.#keep(this.#rescan())
      this.#pump()
    }
  }

  async #followFindings({ filter, decode }: (typeof ALERT_SOURCES)[number]): Promise<void> {
    const { signal } = this.#abort
    const options = { stream: FINDINGS, from: 1, filter, signal }
    for await (const entry of follow(this.#options.log, options)) {
      this.#offer(decode(entry.data))
      this.#pump()
    }
  }

  async #rescan(): Promise<void> {
    const { log, logger } = this.#options
    while (!this.#abort.signal.aborted) {
      try {
        for (const { filter, decode } of ALERT_SOURCES)
          for await (const entry of readStored(log, FINDINGS, filter))
            this.#offer(decode(entry.data))
        this.#pump()
        return
      } catch (cause) {
        logger.warn("alerts could not be read again", { reason: reasonOf(cause) })
        await new Promise<void>((resolve) => setTimeout(resolve, RESCAN_PAUSE_MILLIS))
      }
    }
  }

  #offer(finding: Alert): void {
    const now = this.#options.clock.now()
    for (const job of this.#outbox.offer(finding, now)) {
      if (this.#inFlight.has(jobKey(job.alert.id, job.target.name))) continue
      this.#keep(this.#record(droppedFact(job, now)))
    }
  }

  #pump(): void {
    this.#cancelWake?.()
    if (this.#abort.signal.aborted) return
    const { clock } = this.#options
    const now = clock.now()
    if (now >= this.#prunedAt + PRUNE_INTERVAL_MILLIS) {
      this.#outbox.prune(now)
      this.#prunedAt = now
    }
    // A rotated secret stops signing as time goes by.
    this.#setTargets()
    const { ready, wakeAt } = this.#outbox.plan(now, this.#inFlight)
    for (const job of ready) {
      this.#inFlight.set(jobKey(job.alert.id, job.target.name), job)
      this.#keep(this.#deliver(job))
    }
    this.#cancelWake = wakeAt === undefined ? undefined : clock.wakeAt(wakeAt, () => this.#pump())
  }

  async #deliver(job: Job): Promise<void> {
    const { clock, send, random, logger } = this.#options
    const { alert, target } = job
    const reply = await send(target, messageFor(target, alert, clock.now()))
    const fact = factOf(job, reply, clock.now(), random())
    if (fact.outcome !== "delivered")
      logger.warn("webhook not delivered", {
        target: target.name,
        finding: alert.id,
        attempt: fact.attempt,
        status: fact.status,
        reason: fact.error,
        outcome: fact.outcome,
      })
    await this.#record(fact)
    this.#inFlight.delete(jobKey(alert.id, target.name))
    this.#pump()
  }

  async #record(fact: WebhookAttempted): Promise<void> {
    const { log, onAttempt } = this.#options
    if (!(await recordAttempt(log, fact, this.#abort.signal))) return
    this.#outbox.attempted(fact)
    onAttempt?.(fact)
  }
}

/**
 * Reads what was done so far, then delivers until it is closed. Watch `done`.
 *
 * @throws LookupFailed, SubscriptionUnreadable, UnreadableRecord.
 */
export const openDelivery = async (options: DeliveryOptions): Promise<Delivery> => {
  const { log, logger } = options
  const outbox = new Outbox()
  const subscriptions = await readSubscriptions(log)
  for (const { name, alert, at } of subscriptions.retries) outbox.retryRequested(name, alert, at)
  for await (const fact of readAttempts(log)) outbox.attempted(fact)
  const delivery = new Delivery(options, outbox, subscriptions)
  for (const target of delivery.targets) logger.info(`webhook ${describeTarget(target)}`)
  return delivery
}
