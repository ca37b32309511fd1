// Entry point of a worker thread: keeps models loaded and runs them one after the other. It decides
// nothing; what it is told, and in which order, comes from worker-pool.ts.
import { ModelRefused } from "./model-refused.ts"
import { openSession, type ModelSession } from "./session.ts"
import { type FromWorker, movable, type ToWorker } from "./worker-messages.ts"

declare const self: Worker

const sessions = new Map<string, Promise<ModelSession>>()
const nowMicros = (): number => performance.now() * 1_000

const answer = (message: FromWorker, buffers: Array<ArrayBuffer> = []): void =>
  self.postMessage(message, buffers)

const run = async (message: Extract<ToWorker, { type: "run" }>): Promise<void> => {
  try {
    const session = await sessions.get(message.digest)
    if (session === undefined) throw new Error(`model ${message.digest} is not loaded here`)
    const { outputs, micros } = await session.run(message.inputs, message.outputs)
    const { tensors, buffers } = movable(outputs)
    answer({ type: "ran", run: message.run, outputs: tensors, micros }, buffers)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const type = cause instanceof ModelRefused ? "refused" : "failed"
    answer({ type, run: message.run, reason })
  }
}

const unload = async (digest: string): Promise<void> => {
  const session = sessions.get(digest)
  sessions.delete(digest)
  await (await session)?.release()
}

let closing = false

const handle = async (message: Exclude<ToWorker, { type: "close" }>): Promise<void> => {
  if (closing) return
  if (message.type === "run") return run(message)
  if (message.type === "unload") return unload(message.digest).catch(() => undefined)
  const session = openSession(message.bytes, nowMicros)
  // A model that cannot be loaded answers each of its runs with that error.
  session.catch(() => undefined)
  sessions.set(message.digest, session)
}

const close = async (): Promise<never> => {
  await Promise.allSettled([...sessions.keys()].map(unload))
  process.exit(0)
}

let previous = Promise.resolve()
self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data
  if (message.type === "close") {
    closing = true
    previous = previous.then(close)
  } else previous = previous.then(() => handle(message))
}
