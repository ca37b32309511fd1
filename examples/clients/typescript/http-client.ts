// Asks Weir over HTTP: at once, later by id, in bulk, and by the feed.
//   bun http-client.ts http://127.0.0.1:8080 flights
const WAIT_SECONDS = 30
const TRIES_MAX = 5
const RETRIED = new Set([429, 503, 504])
const ROWS = { data: [[1750, 0, 0, "DTW", "LAS"]] }

const [base = "http://127.0.0.1:8080", model = "flights"] = process.argv.slice(2)

const read = async (response: Response): Promise<string> => {
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status}: ${text}`)
  return text
}

/** Tries again when Weir says so; the key makes that safe. */
const post = async (path: string, body: unknown, more: Record<string, string> = {}) => {
  const key = crypto.randomUUID()
  const headers = { "content-type": "application/json", "idempotency-key": key, ...more }
  for (let attempt = 1; ; attempt++) {
    const init = { method: "POST", headers, body: JSON.stringify(body) }
    const response = await fetch(`${base}${path}`, init)
    if (!RETRIED.has(response.status) || attempt === TRIES_MAX) return response
    const seconds = Number(response.headers.get("retry-after") ?? 1)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  }
}

const atOnce = async (): Promise<string> => read(await post(`/predict?model=${model}`, ROWS))

const later = async (): Promise<string> => {
  const asked = await post(`/predict?model=${model}`, ROWS, { prefer: "respond-async" })
  await read(asked.clone())
  const location = asked.headers.get("location") ?? ""
  for (;;) {
    const headers = { prefer: `wait=${WAIT_SECONDS}` }
    const answer = await fetch(`${base}${location}`, { headers })
    if (answer.status !== 202) return read(answer)
  }
}

const inBulk = async (): Promise<string> => {
  const body = `${JSON.stringify(ROWS)}\n${JSON.stringify(ROWS)}\n`
  const headers = { "content-type": "application/x-ndjson" }
  const answer = await fetch(`${base}/v2/models/${model}/infer`, { method: "POST", headers, body })
  return (await read(answer)).trimEnd()
}

/** The first event of the feed. */
const byFeed = async (): Promise<string> => {
  const response = await fetch(`${base}/v2/models/${model}/feed?from=1`)
  const reader = response.body?.getReader()
  let text = ""
  for (;;) {
    const part = await reader?.read()
    if (part?.value === undefined) throw new Error("the feed has ended")
    text += Buffer.from(part.value).toString()
    const found = /data: (.*)\n\n/.exec(text)?.[1]
    if (found === undefined) continue
    await reader?.cancel()
    return found
  }
}

for (const way of [atOnce, later, inBulk, byFeed]) console.log(await way())

export {}
