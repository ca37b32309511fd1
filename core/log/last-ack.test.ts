// The newest acknowledgement waits for the next one, and is never forgotten.
import { expect, test } from "bun:test"
import { LastAck } from "./last-ack.ts"

const KEPT_MILLIS = 20

const make = () => {
  const sent: Array<string> = []
  const { promise: third, resolve } = Promise.withResolvers<void>()
  const acks = new LastAck((subject) => {
    sent.push(subject)
    if (sent.length === 3) resolve()
  }, KEPT_MILLIS)
  return { acks, sent, third }
}

test("each is sent when the next one comes, and the last after a moment", async () => {
  const { acks, sent, third } = make()
  for (const subject of ["a", "b", "c"]) acks.keep(subject)
  expect(sent).toEqual(["a", "b"])
  await third
  expect(sent).toEqual(["a", "b", "c"])
})

test("at the end what is kept is sent once", () => {
  const { acks, sent } = make()
  acks.keep("a")
  acks.end()
  acks.end()
  expect(sent).toEqual(["a"])
})
