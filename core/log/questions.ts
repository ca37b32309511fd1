// Questions to everybody who listens to a subject, beside the log: nothing of them is stored, and
// who is away does not answer. For what is true of processes rather than of the log.
import { createInbox, type Subscription } from "nats"
import type { Log } from "./log.ts"

/** What the server answers where nobody listens. */
const NO_RESPONDERS = 503

export interface Gathering {
  /** Longest wait for all answers. */
  readonly waitMillis: number
  /** Told of each answer in turn; with false no further one is waited for. */
  readonly onAnswer: (data: Uint8Array) => boolean
  /** After an answer, none is waited for longer than this. */
  readonly quietMillis?: () => number
}

/** Resolves when enough has been answered, the wait is over, or nobody listens. Never rejects. */
export const askAll = (
  log: Log,
  subject: string,
  question: Uint8Array,
  { waitMillis, quietMillis = () => waitMillis, onAnswer }: Gathering,
): Promise<void> => {
  const { connection } = log
  const { promise, resolve } = Promise.withResolvers<void>()
  if (connection.isClosed()) return Promise.resolve()
  const inbox = createInbox()
  const end = () => {
    clearTimeout(wait)
    clearTimeout(quiet)
    subscription.unsubscribe()
    resolve()
  }
  let quiet: ReturnType<typeof setTimeout> | undefined
  const wait = setTimeout(end, waitMillis)
  const subscription: Subscription = connection.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null || message.headers?.code === NO_RESPONDERS) return end()
      if (!onAnswer(message.data)) return end()
      clearTimeout(quiet)
      quiet = setTimeout(end, quietMillis())
    },
  })
  connection.publish(subject, question, { reply: inbox })
  return promise
}

/** Answers every question until the returned function is called; a rejection is no answer. */
export const answerAll = (
  log: Log,
  subject: string,
  answer: (question: Uint8Array) => Promise<Uint8Array>,
  onFailure: (cause: unknown) => void,
): (() => void) => {
  const subscription = log.connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return
      answer(message.data).then((data) => void message.respond(data), onFailure)
    },
  })
  return () => subscription.unsubscribe()
}
