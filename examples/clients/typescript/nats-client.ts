// Asks Weir over NATS, with nothing between the program and the log. Reads requests of the Open
// Inference Protocol from standard input, one JSON object a line, and prints a line for each, in
// the same order: `{"id", "position", "outputs": {name: [...]}}` or `{"id", "failure"}`.
//   bun nats-client.ts nats://127.0.0.1:4222 flights msgpack < requests.ndjson
import { decode, encode } from "@msgpack/msgpack"
import { connect, createInbox, headers, type NatsConnection } from "nats"

const FORMAT = 1
/** Places in a fact, from docs/contracts.md. */
const ID = 1
const OUTPUTS = 9
const FAILURE = 10
const IN_FLIGHT_MAX = 256
const WAIT_MILLIS = 30_000
const TEXT_LENGTH_BYTES = 4

interface JsonTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: ReadonlyArray<number>
  readonly data: ReadonlyArray<unknown>
}
interface JsonRequest {
  readonly id?: string
  readonly inputs: ReadonlyArray<JsonTensor>
  readonly outputs?: ReadonlyArray<{ readonly name: string }>
}

const textsToBytes = (texts: ReadonlyArray<string>): Uint8Array =>
  Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text)
      const length = Buffer.alloc(TEXT_LENGTH_BYTES)
      length.writeUInt32LE(bytes.byteLength)
      return [length, bytes]
    }),
  )

/** The datatypes that the demo's model takes; docs/contracts.md has all of them. */
const toBytes = (datatype: string, values: ReadonlyArray<unknown>): Uint8Array => {
  if (datatype === "BYTES") return textsToBytes(values.map(String))
  const numbers = values.map(Number)
  if (datatype === "FP32") return new Uint8Array(new Float32Array(numbers).buffer)
  if (datatype === "FP64") return new Uint8Array(new Float64Array(numbers).buffer)
  if (datatype === "INT64") return new Uint8Array(new BigInt64Array(numbers.map(BigInt)).buffer)
  throw new Error(`${datatype}: this example does not know it`)
}

const fromBytes = (datatype: string, data: Uint8Array): ReadonlyArray<number> => {
  // Typed arrays want their bytes aligned, so they get their own.
  const { buffer } = new Uint8Array(data)
  if (datatype === "FP32") return [...new Float32Array(buffer)]
  if (datatype === "FP64") return [...new Float64Array(buffer)]
  if (datatype === "INT64") return [...new BigInt64Array(buffer)].map(Number)
  throw new Error(`${datatype}: this example does not know it`)
}

const bodyOf = (request: JsonRequest, form: string): readonly [type: string, body: Uint8Array] => {
  if (form === "json") return ["application/json", Buffer.from(JSON.stringify(request))]
  const inputs = request.inputs.map(({ name, datatype, shape, data }) => [
    name,
    datatype,
    shape,
    toBytes(datatype, data.flat(Number.POSITIVE_INFINITY)),
  ])
  const outputs = request.outputs?.map(({ name }) => name) ?? null
  return ["application/vnd.msgpack", encode([FORMAT, inputs, outputs, request.id ?? null])]
}

type Output = readonly [name: string, datatype: string, shape: unknown, data: Uint8Array]

/** What a fact says; its bytes are the same in a reply and in the log. */
const answerOf = (bytes: Uint8Array, position: number): object => {
  // Boundary: the places of docs/contracts.md.
  const fact = decode(bytes) as ReadonlyArray<unknown>
  if (fact[0] !== FORMAT) throw new Error(`a fact of format ${String(fact[0])} is not known here`)
  if (fact[FAILURE] !== null) return { id: fact[ID], position, failure: fact[FAILURE] }
  const outputs = fact[OUTPUTS] as ReadonlyArray<Output>
  const values = outputs.map(([name, datatype, , data]) => [name, fromBytes(datatype, data)])
  return { id: fact[ID], position, outputs: Object.fromEntries(values) }
}

type Waiting = Map<string, (answer: object) => void>

const ask = async (
  connection: NatsConnection,
  waiting: Waiting,
  inbox: string,
  model: string,
  line: string,
  form: string,
): Promise<object> => {
  const id = crypto.randomUUID()
  const token = model.replaceAll(".", "~")
  // Boundary: a line that is no request is refused by Weir, by name.
  const [type, body] = bodyOf(JSON.parse(line) as JsonRequest, form)
  const head = headers()
  head.set("Content-Type", type)
  head.set("Weir-Reply", `${inbox}.${id}`)
  const { promise, resolve } = Promise.withResolvers<object | undefined>()
  waiting.set(id, resolve)
  // Resolves when the log holds the request; rejects when it refuses it.
  await connection.jetstream().publish(`weir.request.${token}.${id}`, body, { headers: head })
  const timer = setTimeout(() => resolve(undefined), WAIT_MILLIS)
  const answer = await promise
  clearTimeout(timer)
  waiting.delete(id)
  if (answer !== undefined) return answer
  // A reply is a hint and can be lost; the fact is what counts.
  const manager = await connection.jetstreamManager()
  const last = { last_by_subj: `weir.prediction.${token}.${id}` }
  const stored = await manager.streams.getMessage("PREDICTIONS", last)
  return answerOf(stored.data, stored.seq)
}

const [server = "nats://127.0.0.1:4222", model = "flights", form = "msgpack"] =
  process.argv.slice(2)
const connection = await connect({ servers: server })
const inbox = createInbox()
const waiting: Waiting = new Map()
connection.subscribe(`${inbox}.*`, {
  callback: (error, { subject, data, headers: head }) => {
    if (error !== null) return
    const position = Number(head?.get("Weir-Position") ?? "")
    waiting.get(subject.slice(inbox.length + 1))?.(answerOf(data, position))
  },
})
const lines = (await Bun.stdin.text()).split("\n").filter((line) => line.trim() !== "")
const answers: Array<object> = []
const queue = lines.entries()
const worker = async () => {
  for (const [at, line] of queue)
    answers[at] = await ask(connection, waiting, inbox, model, line, form)
}
await Promise.all(Array.from({ length: IN_FLIGHT_MAX }, worker))
console.log(answers.map((answer) => JSON.stringify(answer)).join("\n"))
await connection.close()
