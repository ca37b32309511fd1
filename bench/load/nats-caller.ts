// Requests published straight to the queue, as a producer does it, with answers on an inbox of our
// own. A request that is refused or lost ends by its deadline.
import { connectNats } from "#core/log/connection"
import { headerBlock } from "#core/log/header-list"
import { Outbox } from "#core/log/outbox"
import { CONTENT_TYPE, REPLY } from "#proto/headers"
import { timeOrderedId } from "#proto/ids"
import { requestSubject } from "#proto/subjects"
import { predictionCodec } from "#proto/prediction"
import type { Caller, Ended } from "./caller.ts"
import type { NatsTarget } from "./plan.ts"

const ANSWER_WAIT_MILLIS = 10_000
const SWEEP_INTERVAL_MILLIS = 500
/** Answers that are decoded to see whether they are failures: one in so many. */
const LOOK_INTO = 64

interface Waiting {
  readonly ended: Ended
  readonly deadline: number
}

const newId = (): string => timeOrderedId(Date.now(), crypto.getRandomValues(new Uint8Array(10)))

export const natsCaller = async (target: NatsTarget): Promise<Caller> => {
  const connection = await connectNats({ servers: target.servers, name: "weir-bench-load" })
  const outbox = new Outbox(connection)
  const bodies = target.bodies.map((body) => new Uint8Array(Buffer.from(body, "base64")))
  const inbox = `_INBOX.${newId()}`
  const waiting = new Map<string, Waiting>()
  connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error !== null) return
      const token = message.subject.slice(inbox.length + 1)
      const found = waiting.get(token)
      if (found === undefined) return
      waiting.delete(token)
      const failed =
        Number(token) % LOOK_INTO === 0 &&
        predictionCodec.decode(message.data).failure !== undefined
      found.ended(failed ? "failure fact" : undefined)
    },
  })
  const sweep = setInterval(() => {
    const now = performance.now()
    for (const [token, { ended, deadline }] of waiting) {
      if (deadline > now) break
      waiting.delete(token)
      ended("no answer")
    }
  }, SWEEP_INTERVAL_MILLIS)
  let next = 0
  return {
    send: (index, ended) => {
      const body = bodies[index % bodies.length]
      if (body === undefined) throw new Error("a target needs bodies")
      const token = String(next++)
      const headers = headerBlock([
        [CONTENT_TYPE, target.contentType],
        [REPLY, `${inbox}.${token}`],
      ])
      waiting.set(token, { ended, deadline: performance.now() + ANSWER_WAIT_MILLIS })
      outbox.publish(requestSubject(target.model, newId()), body, { headers })
    },
    close: async () => {
      clearInterval(sweep)
      await connection.close()
    },
  }
}
