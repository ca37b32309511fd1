// The targets that were created at run time, on the log: reading them, following them, changing
// them. The log alone says who was first.
import { Schema } from "effect"
import { UnreadableRecord } from "#proto/message-pack"
import { ALL_WEBHOOKS, EVENTS, eventSubject, modelOfEvent } from "#proto/subjects"
import { webhookCodec, type WebhookFact, type WebhookRetryRequested } from "#proto/webhook"
import { append } from "../log/append.ts"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { LookupFailed } from "../log/read.ts"
import { lookUp } from "../log/leader-lookup.ts"
import {
  decide,
  evolve,
  initialSubscription,
  SUBSCRIPTIONS_MAX,
  targetOf,
  type Subscription,
  type SubscriptionCommand,
} from "./subscription.ts"
import { TargetRefused, type Target } from "./target.ts"

const CONFLICTS_MAX = 10
/** Reading what is stored under a few subjects. */
const READ_DEADLINE_MILLIS = 20_000

/** A message under a webhook's subject is no fact about it; nothing is sent until it is mended. */
export class SubscriptionUnreadable extends Schema.TaggedError<SubscriptionUnreadable>()(
  "SubscriptionUnreadable",
  { subject: Schema.String, sequence: Schema.Finite, reason: Schema.String },
) {
  override get message() {
    return `${this.subject} at sequence ${this.sequence} is no webhook fact: ${this.reason}`
  }
}

/** @throws SubscriptionUnreadable */
export const readWebhookFact = (entry: Pick<Entry, "subject" | "sequence" | "data">) => {
  const { subject, sequence } = entry
  const unreadable = (reason: string) => new SubscriptionUnreadable({ subject, sequence, reason })
  try {
    const fact = webhookCodec.decode(entry.data)
    if (fact.name !== modelOfEvent(subject)) throw unreadable(`it belongs to ${fact.name}`)
    return fact
  } catch (cause) {
    throw cause instanceof UnreadableRecord ? unreadable(cause.reason) : cause
  }
}

/**
 * Yields what a stream holds under a pattern now, and then ends. The leader says what is last, so
 * that a replica that lags cannot end it early.
 *
 * @throws LookupFailed when it cannot be read in time.
 */
export async function* readStored(
  log: Log,
  stream: string,
  filter: string,
  deadlineMillis: number = READ_DEADLINE_MILLIS,
): AsyncGenerator<Entry> {
  const last = await lookUp(log, stream, { last_by_subj: filter })
  if (last === undefined) return
  const signal = AbortSignal.timeout(deadlineMillis)
  for await (const entry of follow(log, { stream, from: 1, filter, signal })) {
    yield entry
    if (entry.sequence >= last.sequence) return
  }
  throw new LookupFailed({ stream, reason: `${filter} could not be read in time` })
}

/** All subscriptions, and the sequence in `EVENTS` up to which they were read. */
export class Subscriptions {
  readonly #states = new Map<string, Subscription>()
  readonly #retries = new Map<string, typeof WebhookRetryRequested.Type>()
  #position = 0

  get position(): number {
    return this.#position
  }

  /** Folds one message in and returns its fact. */
  apply(entry: Entry): WebhookFact {
    const fact = readWebhookFact(entry)
    const before = this.#states.get(fact.name) ?? initialSubscription(fact.name)
    this.#states.set(fact.name, evolve(before, fact))
    this.#position = entry.sequence
    if (fact._tag === "WebhookRetryRequested")
      this.#retries.set(`${fact.name} ${fact.alert ?? ""}`, fact)
    return fact
  }

  /** The last retry that was asked for of each target and of each delivery. */
  get retries(): ReadonlyArray<typeof WebhookRetryRequested.Type> {
    return [...this.#retries.values()]
  }

  targets(now: number): ReadonlyArray<Target> {
    return [...this.#states.values()].flatMap((state) => targetOf(state, now) ?? [])
  }
}

/** @throws LookupFailed, SubscriptionUnreadable. */
export const readSubscriptions = async (log: Log): Promise<Subscriptions> => {
  const subscriptions = new Subscriptions()
  for await (const entry of readStored(log, EVENTS, ALL_WEBHOOKS)) subscriptions.apply(entry)
  return subscriptions
}

/**
 * Decides on what the log holds and appends the facts; resolves to those that were appended.
 *
 * @throws TargetRefused, SecretInvalid, LogUnavailable, LookupFailed, SubscriptionUnreadable.
 */
export const changeSubscription = async (
  log: Log,
  name: string,
  command: SubscriptionCommand,
): Promise<ReadonlyArray<WebhookFact>> => {
  const first = decide(command, initialSubscription(name))
  // What is wrong whatever the log holds must not become part of a subject.
  if (first instanceof TargetRefused && first.name === "?") throw first
  const subject = eventSubject("webhook", name)
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
    let state = initialSubscription(name)
    let sequence = 0
    for await (const entry of readStored(log, EVENTS, subject)) {
      state = evolve(state, readWebhookFact(entry))
      sequence = entry.sequence
    }
    const facts = decide(command, state)
    if (facts instanceof TargetRefused) throw facts
    const [fact] = facts
    if (fact === undefined) return []
    if (fact._tag === "WebhookAdded") await checkRoom(log, name)
    const payload = webhookCodec.encode(fact)
    const appended = await append(log.publisher, subject, payload, sequence)
    if (appended.kind === "stored") return facts
    if (appended.kind === "tooLarge") throw new TargetRefused({ name, reason: "it is too large" })
    const next = await lookUp(log, EVENTS, { seq: sequence + 1, next_by_subj: subject })
    // An earlier try of ours may have been stored without its ack reaching us.
    if (next !== undefined && Buffer.compare(next.data, payload) === 0) return facts
  }
  throw new TargetRefused({ name, reason: "others keep changing it; try again" })
}

const checkRoom = async (log: Log, name: string): Promise<void> => {
  const { length } = (await readSubscriptions(log)).targets(0)
  if (length >= SUBSCRIPTIONS_MAX)
    throw new TargetRefused({ name, reason: `there are ${length} targets, the most there can be` })
}
