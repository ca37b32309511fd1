// Asks a Weir in every way that the client has, and tells what came of it in words that are the
// same on every platform. It is built against the package and run by Bun, Node and a browser.
import {
  InferenceClient,
  InferenceError,
  numbers,
  output,
  tensor,
  texts,
  type Ticket,
} from "./client.ts"

type Said = Readonly<Record<string, unknown>>

const bigText = (value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value)

const about = async (client: InferenceClient): Promise<Said> => {
  const { extensions } = await client.server()
  const { inputs, versions } = await client.metadata("flights")
  const { maxBatchSize } = await client.config("flights")
  const [statistics] = await client.statistics("flights")
  const index = await client.index({ ready: true })
  return {
    live: await client.live(),
    ready: [await client.ready(), await client.modelReady("flights")],
    nobody: await client.modelReady("nobody"),
    extensions: extensions.length > 0,
    inputs: inputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
    versions,
    batches: maxBatchSize > 0,
    statistics: [statistics?.name, statistics?.version],
    index: index.some(({ name, state }) => name === "flights" && state === "READY"),
  }
}

const integers = [2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n]

const atOnce = async (client: InferenceClient): Promise<Said> => {
  const said: Record<string, unknown> = {}
  for (const form of ["json", "binary"] as const) {
    const whole = { inputs: [tensor("x", "INT64", [1, 3], integers)] }
    const words = { inputs: [tensor("x", "BYTES", [1, 3], ["a", "ä€😀", ""])] }
    const halves = { inputs: [tensor("x", "FP16", [1, 3], [0.5, 1, -2])] }
    const { data } = output(await client.infer("INT64", whole, { form }), "y")
    said[`integers ${form}`] = Array.from(data as BigInt64Array, bigText)
    said[`texts ${form}`] = texts(output(await client.infer("BYTES", words, { form }), "y"))
    said[`halves ${form}`] = numbers(output(await client.infer("FP16", halves, { form }), "y"))
  }
  return said
}

const batched = async (client: InferenceClient): Promise<Said> => {
  const batcher = client.batcher("FP32", { windowMillis: 50 })
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, at) =>
      batcher.infer({ inputs: [tensor("x", "FP32", [1, 3], [at, at, at])] }),
    ),
  )
  return { batched: answers.map((one) => [one.rowsInBatch, ...numbers(output(one, "y"))]) }
}

const later = async (client: InferenceClient): Promise<Said> => {
  const request = { id: "mine", inputs: [tensor("x", "INT64", [1, 3], integers)] }
  const submitted = await client.submit("INT64", request)
  if (submitted.kind === "answered") return { later: "answered at once" }
  // Plain data: it goes through JSON.
  const ticket: Ticket = JSON.parse(JSON.stringify(submitted.ticket))
  const answer = await client.result(ticket)
  const again = await client.poll(ticket)
  const data = Array.from(output(answer, "y").data as BigInt64Array, bigText)
  return { later: [answer.id, answer.logId === ticket.id, again.kind, ...data] }
}

const byFeed = async (client: InferenceClient): Promise<Said> => {
  const kinds: Array<string> = []
  for await (const event of client.feed("INT64", { from: 1 })) {
    kinds.push(event.kind)
    if (kinds.length === 2) break
  }
  return { feed: kinds }
}

const refused = async (client: InferenceClient): Promise<Said> => {
  const errors = await Promise.all(
    [
      client.infer("nobody", { inputs: [] }),
      client.infer("FP32", { inputs: [tensor("x", "FP32", [1, 1], [1])] }),
      client.infer("FP32", { inputs: [] }, { signal: AbortSignal.abort() }),
    ].map((asked) => asked.catch((error: unknown) => error)),
  )
  return {
    refused: errors.map((error) =>
      error instanceof InferenceError ? [error.status, error.code] : "no InferenceError",
    ),
  }
}

/** Rejects where a step fails; what it says holds no id, position or time. */
export const everyWay = async (url: string, apiKey: string): Promise<Said> => {
  const client = new InferenceClient({ url, apiKey })
  const said: Record<string, unknown> = {}
  for (const step of [about, atOnce, batched, later, byFeed, refused])
    Object.assign(said, await step(client))
  return said
}
