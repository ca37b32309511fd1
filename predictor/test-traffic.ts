// What the tests of the predictor share: requests published straight to the queue as a producer
// does it, and what the log holds afterwards.
import { connect } from "node:net"
import { createInbox, type Msg } from "nats"
import { encodeTexts } from "../core/inference/string-elements.ts"
import { until } from "../test/support/eventually.ts"
import type { RunningService } from "../test/support/service.ts"
import { deadLetterCodec, type DeadLetter } from "../proto/dead-letter.ts"
import { CONTENT_TYPE, REPLY } from "../proto/headers.ts"
import { timeOrderedId } from "../proto/ids.ts"
import { predictionCodec, type Prediction } from "../proto/prediction.ts"
import { requestCodec, type InferenceRequest } from "../proto/request.ts"
import {
  ALL_DEAD,
  ALL_PREDICTIONS,
  DEAD_LETTERS,
  fastSubject,
  PREDICTIONS,
  PREDICTOR,
  REQUESTS,
  requestSubject,
} from "../proto/subjects.ts"
import type { Tensor } from "../proto/tensor.ts"
import { readRange } from "../core/log/follow.ts"
import type { Log } from "../core/log/log.ts"
import type { HeaderList } from "../core/log/header-list.ts"

/** Publishes of a test in flight at once. */
const PUBLISHED_AT_ONCE = 2_000
const SENT_AGAIN_MILLIS = 1_000

export const newId = (): string =>
  timeOrderedId(Date.now(), crypto.getRandomValues(new Uint8Array(10)))

export const fp32 = (name: string, shape: ReadonlyArray<number>, values: Iterable<number>) =>
  ({
    name,
    datatype: "FP32",
    shape,
    data: new Uint8Array(Float32Array.from(values).buffer),
  }) satisfies Tensor

export const int64 = (name: string, shape: ReadonlyArray<number>, values: ReadonlyArray<number>) =>
  ({
    name,
    datatype: "INT64",
    shape,
    data: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
  }) satisfies Tensor

export const bytes = (name: string, text: string): Tensor => ({
  name,
  datatype: "BYTES",
  shape: [1, 1],
  data: encodeTexts([text]),
})

/** One row of the flights model. */
export const flightInputs = (flight: {
  readonly distance: number
  readonly hour: number
  readonly weekday: number
  readonly origin: string
  readonly destination: string
}): ReadonlyArray<Tensor> => [
  fp32("distance", [1, 1], [flight.distance]),
  int64("hour", [1, 1], [flight.hour]),
  int64("weekday", [1, 1], [flight.weekday]),
  bytes("origin", flight.origin),
  bytes("destination", flight.destination),
]

export const floatsOf = (tensor: Tensor | undefined): ReadonlyArray<number> =>
  tensor === undefined ? [] : [...new Float32Array(new Uint8Array(tensor.data).buffer)]

export interface Sent {
  readonly model: string
  readonly id: string
  readonly payload: Uint8Array
  readonly headers?: HeaderList
}

export const messagePack = (
  model: string,
  request: InferenceRequest,
  headers: HeaderList = [],
): Sent => ({ model, id: newId(), payload: requestCodec.encode(request), headers })

export const json = (model: string, body: unknown, headers: HeaderList = []): Sent => ({
  model,
  id: newId(),
  payload: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
  headers: [[CONTENT_TYPE, "application/json"], ...headers],
})

/** Publishes each and resolves when all are stored in the queue. */
export const send = async (log: Log, sent: ReadonlyArray<Sent>): Promise<void> => {
  for (let from = 0; from < sent.length; from += PUBLISHED_AT_ONCE) {
    const published = await Promise.all(
      sent
        .slice(from, from + PUBLISHED_AT_ONCE)
        .map(({ model, id, payload, headers }) =>
          log.publisher.publish(requestSubject(model, id), payload, headers),
        ),
    )
    const refused = published.find(({ kind }) => kind !== "stored")
    if (refused !== undefined) throw new Error(`not queued: ${JSON.stringify(refused)}`)
  }
}

/** Sends each beside the queue, as a gateway does; resolves when the server has them. */
export const sendFast = async (log: Log, sent: ReadonlyArray<Sent>): Promise<void> => {
  for (const { model, id, payload, headers } of sent)
    if (!log.publisher.send(fastSubject(model, id), payload, headers))
      throw new Error(`${id} was not sent`)
  log.outbox.flush()
  await log.connection.flush()
}

/**
 * Publishes over a socket of its own what the client would refuse to send; resolves when the server
 * has read it.
 */
export const sendRaw = (
  natsUrl: string,
  subject: string,
  headers: string,
  payload: string,
): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { hostname, port } = new URL(natsUrl)
  const socket = connect(Number(port), hostname)
  const sizes = [headers.length, headers.length + payload.length].join(" ")
  socket.on("error", reject)
  socket.on("data", (data) => {
    if (!data.includes("PONG")) return
    socket.destroy()
    resolve()
  })
  socket.write('CONNECT {"verbose":false,"headers":true,"pedantic":false}\r\n')
  socket.write(
    headers === ""
      ? `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
      : `HPUB ${subject} ${sizes}\r\n${headers}${payload}\r\n`,
    "latin1",
  )
  socket.write("PING\r\n")
  return promise
}

export interface Replies {
  readonly header: (id: string) => readonly [string, string]
  readonly of: (id: string) => ReadonlyArray<Msg>
  readonly size: () => number
}

/** Listens for the answers to requests that carry `header(id)`. */
export const listen = (log: Log): Replies => {
  const inbox = createInbox()
  const found = new Map<string, Array<Msg>>()
  log.connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error !== null) return
      const id = message.subject.slice(inbox.length + 1)
      found.set(id, [...(found.get(id) ?? []), message])
    },
  })
  return {
    header: (id) => [REPLY, `${inbox}.${id}`],
    of: (id) => found.get(id) ?? [],
    size: () => found.size,
  }
}

export interface QueueFigures {
  readonly messages: number
  readonly pending: number
  readonly ackPending: number
}

export const queueOf = async ({ manager }: Log): Promise<QueueFigures> => {
  const { state } = await manager.streams.info(REQUESTS)
  const consumer = await manager.consumers.info(REQUESTS, PREDICTOR)
  return {
    messages: state.messages,
    pending: consumer.num_pending,
    ackPending: consumer.num_ack_pending,
  }
}

/** Resolves when nothing is queued, delivered or parked any more. */
export const queueEmpty = (log: Log, deadlineMillis?: number): Promise<QueueFigures> =>
  until(
    "the queue is empty",
    async () => {
      const figures = await queueOf(log)
      return figures.messages + figures.pending + figures.ackPending === 0 && figures
    },
    deadlineMillis,
  )

export interface StoredFact {
  readonly fact: Prediction
  readonly bytes: Uint8Array
  readonly position: number
}

/** All facts of the hot log for these ids, each with how often it is there. */
export const factsOf = async (
  log: Log,
  sent: Iterable<Pick<Sent, "id">>,
): Promise<ReadonlyMap<string, ReadonlyArray<StoredFact>>> => {
  const wanted = new Map<string, Array<StoredFact>>([...sent].map(({ id }) => [id, []]))
  const range = { stream: PREDICTIONS, from: 1, to: Infinity, filter: ALL_PREDICTIONS }
  for await (const { data, sequence, subject } of readRange(log, range)) {
    const list = wanted.get(subject.split(".")[3] ?? "")
    list?.push({ fact: predictionCodec.decode(data), bytes: data, position: sequence })
  }
  return wanted
}

/** The only fact of each id, in the order of `sent`. */
export const singleFactsOf = async (
  log: Log,
  sent: ReadonlyArray<Pick<Sent, "id">>,
): Promise<ReadonlyArray<StoredFact>> => {
  const all = await factsOf(log, sent)
  return sent.map(({ id }) => {
    const [only, ...more] = all.get(id) ?? []
    if (only === undefined || more.length > 0)
      throw new Error(`${id} has ${all.get(id)?.length ?? 0} facts`)
    return only
  })
}

export interface Letter extends DeadLetter {
  readonly subject: string
}

/** Dead letters by the id in their subject. */
export const deadLettersOf = async (log: Log): Promise<ReadonlyMap<string, Letter>> => {
  const letters = new Map<string, Letter>()
  const range = { stream: DEAD_LETTERS, from: 1, to: Infinity, filter: ALL_DEAD }
  for await (const { data, subject } of readRange(log, range))
    letters.set(subject.split(".")[3] ?? "", { ...deadLetterCodec.decode(data), subject })
  return letters
}

/**
 * Sends each beside the queue until the predictor holds so many in all: one that stood still for a
 * moment drops what came meanwhile, and its sender sends that again.
 */
export const takeFast = (
  log: Log,
  predictor: RunningService,
  sent: ReadonlyArray<Sent>,
  held = sent.length,
): Promise<boolean> =>
  until("all are taken", async () => {
    await sendFast(log, sent)
    return holds(predictor, held, SENT_AGAIN_MILLIS)
  })

/** Resolves when a predictor holds so many unfinished, of beside the queue and of the queue. */
export const holds = (
  predictor: RunningService,
  count: number,
  deadlineMillis?: number,
): Promise<boolean> =>
  until(
    `it holds ${count}`,
    async () => (await metricOf(predictor, "weir_predictor_held_requests")) === count,
    deadlineMillis,
  )

/** The sum over all series of a metric whose labels contain `labels`, e.g. `reason="invalid"`. */
export const metricOf = async (
  service: RunningService,
  name: string,
  labels = "",
): Promise<number> => {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0)
}
