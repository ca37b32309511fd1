// Readers of a feed: one that goes away and comes back, and one that stops reading.
import { connect, type Socket } from "node:net"

export interface FeedEvent {
  readonly name: string
  readonly position: number
  readonly data: string
}

const FIELD = /^(event|id|data): (.*)$/

const eventOf = (block: string): FeedEvent => {
  const fields = new Map(
    block.split("\n").flatMap((line) => {
      const [, field, value] = FIELD.exec(line) ?? []
      return field === undefined || value === undefined ? [] : [[field, value] as const]
    }),
  )
  const name = fields.get("event") ?? ""
  return { name, position: Number(fields.get("id")), data: fields.get("data") ?? "" }
}

/** Up to `most` events after a position; the connection is cut after them. */
export const readFeed = async (
  url: string,
  model: string,
  after: number,
  most: number,
): Promise<ReadonlyArray<FeedEvent>> => {
  const response = await fetch(`${url}/v2/models/${model}/feed`, {
    headers: { "Last-Event-ID": String(after) },
  })
  if (!response.ok || response.body === null) throw new Error(`the feed said ${response.status}`)
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  const events: Array<FeedEvent> = []
  let text = ""
  try {
    while (events.length < most) {
      const part = await reader.read()
      if (part.done) break
      text += decoder.decode(part.value, { stream: true })
      const blocks = text.split("\n\n")
      text = blocks.pop() ?? ""
      events.push(...blocks.map(eventOf).filter(({ name }) => name !== ""))
    }
  } finally {
    await reader.cancel()
  }
  return events.slice(0, most)
}

/** A connection that asks for everything and then reads nothing. */
export const stalledReader = async (url: string, model: string): Promise<Socket> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once("connect", resolve)
  socket.once("error", reject)
  await promise
  socket.pause()
  socket.write(`GET /v2/models/${model}/feed?from=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  return socket
}
