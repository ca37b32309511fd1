// The streams and durable consumers of the log, as data. provision.ts makes them so, and services
// verify that they are.
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type StreamConfig,
} from "nats"
import {
  ADVISORIES,
  ALL_DEAD,
  ALL_EVENTS,
  ALL_FINDINGS,
  ALL_OUTCOMES,
  ALL_PREDICTIONS,
  ALL_REQUESTS,
  DEAD_LETTERS,
  EVENTS,
  FINDINGS,
  HISTORY,
  HISTORY_OF_OUTCOME,
  HISTORY_OF_PREDICTION,
  MAX_DELIVERIES_ADVISORIES,
  PREDICTIONS,
  PREDICTION_COPY,
  PREDICTOR,
  REAPER,
  REQUESTS,
} from "../../proto/subjects.ts"

const MILLION_NANOS = 1_000_000
const MIB = 1024 * 1024
const GIB = 1024 * MIB
const HOUR_MILLIS = 3_600_000
const DAY_MILLIS = 24 * HOUR_MILLIS

/** What an operator may choose; the rest of the topology is what the design rests on. */
export interface LogLimits {
  readonly replicas: number
  readonly requestsMessagesMax: number
  readonly requestsBytesMax: number
  readonly predictionsMessagesMax: number
  readonly predictionsBytesMax: number
  readonly predictionsAgeMillis: number
  readonly historyBytesMax: number
  readonly historyAgeMillis: number
  readonly eventsBytesMax: number
  readonly findingsBytesMax: number
  readonly deadLettersBytesMax: number
  readonly modelsBytesMax: number
  /** Waits before a delivered request that was not acknowledged is delivered again. */
  readonly redeliveryWaitsMillis: ReadonlyArray<number>
  /** Deliveries of one request in all; above the number of waits. */
  readonly deliveriesMax: number
  /** Requests delivered and not yet acknowledged, over all predictors. */
  readonly ackPendingMax: number
}

export const DEFAULT_LIMITS: LogLimits = {
  replicas: 1,
  requestsMessagesMax: 100_000,
  requestsBytesMax: GIB,
  predictionsMessagesMax: 1_000_000,
  predictionsBytesMax: 2 * GIB,
  predictionsAgeMillis: DAY_MILLIS,
  historyBytesMax: 8 * GIB,
  historyAgeMillis: 30 * DAY_MILLIS,
  eventsBytesMax: 256 * MIB,
  findingsBytesMax: GIB,
  deadLettersBytesMax: 512 * MIB,
  modelsBytesMax: 4 * GIB,
  redeliveryWaitsMillis: [1_000, 5_000, 15_000],
  deliveriesMax: 5,
  ackPendingMax: 20_000,
}

export const ADVISORIES_BYTES_MAX = 64 * MIB

/** Bytes that all streams together may take on disk; the server's store must be larger. */
export const limitsSumBytes = (limits: LogLimits): number =>
  limits.requestsBytesMax +
  limits.predictionsBytesMax +
  limits.historyBytesMax +
  limits.eventsBytesMax +
  limits.findingsBytesMax +
  limits.deadLettersBytesMax +
  limits.modelsBytesMax +
  ADVISORIES_BYTES_MAX

/**
 * Longest time that a request can be in delivery before its last delivery has failed, in
 * milliseconds.
 */
export const deliverySpanMillis = (limits: LogLimits): number => {
  const last = limits.redeliveryWaitsMillis.at(-1) ?? 0
  let span = 0
  for (let delivery = 0; delivery < limits.deliveriesMax; delivery++)
    span += limits.redeliveryWaitsMillis[delivery] ?? last
  return span
}

/**
 * The server's own default; it must not be longer than messages are kept, or the stream is refused.
 */
const DUPLICATE_WINDOW_MILLIS = 120_000
const keptFor = (millis: number) => ({
  max_age: millis * MILLION_NANOS,
  duplicate_window: Math.min(DUPLICATE_WINDOW_MILLIS, millis) * MILLION_NANOS,
})

export type StreamDescription = Partial<StreamConfig> & {
  readonly name: string
  /** The client does not know this field of the server's. */
  readonly persist_mode?: "async"
}
export interface ConsumerDescription {
  readonly stream: string
  readonly config: Partial<ConsumerConfig> & { readonly durable_name: string }
}

const base = (limits: LogLimits) => ({
  storage: StorageType.File,
  num_replicas: limits.replicas,
  retention: RetentionPolicy.Limits,
})

const requestsStream = (limits: LogLimits): StreamDescription => ({
  ...base(limits),
  name: REQUESTS,
  subjects: [ALL_REQUESTS],
  retention: RetentionPolicy.Workqueue,
  discard: DiscardPolicy.New,
  discard_new_per_subject: true,
  max_msgs_per_subject: 1,
  max_msgs: limits.requestsMessagesMax,
  max_bytes: limits.requestsBytesMax,
  allow_direct: true,
})

const predictionsStream = (limits: LogLimits): StreamDescription => ({
  ...base(limits),
  name: PREDICTIONS,
  subjects: [ALL_PREDICTIONS, ALL_OUTCOMES],
  discard: DiscardPolicy.Old,
  max_msgs: limits.predictionsMessagesMax,
  max_bytes: limits.predictionsBytesMax,
  ...keptFor(limits.predictionsAgeMillis),
  allow_direct: true,
  republish: { src: ALL_PREDICTIONS, dest: PREDICTION_COPY },
})

/**
 * The copy need not be on disk before anything else happens: after a crash the server copies again
 * what it had not written, from the stream that is. A replicated stream always writes so.
 */
const writtenLater = (limits: LogLimits) =>
  limits.replicas === 1 ? ({ persist_mode: "async" } as const) : {}

const historyStream = (limits: LogLimits): StreamDescription => ({
  ...base(limits),
  ...writtenLater(limits),
  name: HISTORY,
  discard: DiscardPolicy.Old,
  max_bytes: limits.historyBytesMax,
  ...keptFor(limits.historyAgeMillis),
  sources: [
    {
      name: PREDICTIONS,
      subject_transforms: [
        { src: ALL_PREDICTIONS, dest: HISTORY_OF_PREDICTION },
        { src: ALL_OUTCOMES, dest: HISTORY_OF_OUTCOME },
      ],
    },
  ],
})

/** All streams; `HISTORY` after `PREDICTIONS`, from which it copies. */
export const streams = (limits: LogLimits): ReadonlyArray<StreamDescription> => [
  requestsStream(limits),
  predictionsStream(limits),
  historyStream(limits),
  {
    ...base(limits),
    name: EVENTS,
    subjects: [ALL_EVENTS],
    // Decisions are never evicted: a full stream refuses.
    discard: DiscardPolicy.New,
    max_bytes: limits.eventsBytesMax,
  },
  {
    ...base(limits),
    name: FINDINGS,
    subjects: [ALL_FINDINGS],
    discard: DiscardPolicy.Old,
    max_bytes: limits.findingsBytesMax,
    max_age: 90 * DAY_MILLIS * MILLION_NANOS,
  },
  {
    ...base(limits),
    name: DEAD_LETTERS,
    subjects: [ALL_DEAD],
    discard: DiscardPolicy.Old,
    max_bytes: limits.deadLettersBytesMax,
    max_age: 30 * DAY_MILLIS * MILLION_NANOS,
    allow_direct: true,
  },
  {
    ...base(limits),
    name: ADVISORIES,
    subjects: [MAX_DELIVERIES_ADVISORIES],
    discard: DiscardPolicy.Old,
    max_bytes: ADVISORIES_BYTES_MAX,
    max_age: 7 * DAY_MILLIS * MILLION_NANOS,
  },
]

/** The reaper's own redelivery: a look at one parked message takes milliseconds. */
const REAPER_WAIT_MILLIS = 30_000
const REAPER_ACK_PENDING_MAX = 256

export const consumers = (limits: LogLimits): ReadonlyArray<ConsumerDescription> => [
  {
    stream: REQUESTS,
    config: {
      durable_name: PREDICTOR,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      backoff: limits.redeliveryWaitsMillis.map((millis) => millis * MILLION_NANOS),
      max_deliver: limits.deliveriesMax,
      max_ack_pending: limits.ackPendingMax,
    },
  },
  {
    stream: ADVISORIES,
    config: {
      durable_name: REAPER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      ack_wait: REAPER_WAIT_MILLIS * MILLION_NANOS,
      max_ack_pending: REAPER_ACK_PENDING_MAX,
      // Never given up: what it points to blocks an id.
      max_deliver: -1,
    },
  },
]
