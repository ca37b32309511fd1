// Waiting for a gateway, against a small server that answers as one does.
import { expect, test } from "bun:test"
import { isReady } from "./ready.ts"

/** Gives one list of reasons after another; the last one again and again. */
const gateway = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  let asked = 0
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      const reasons = answers[Math.min(asked++, answers.length - 1)] ?? []
      return Response.json({ reasons }, { status: reasons.length === 0 ? 200 : 503 })
    },
  })
}
const never = new AbortController().signal

test("what is waited for is told when it changes, and then it is ready", async () => {
  using server = gateway(["no model is loaded"], ["no model is loaded"], ["a", "b"], [])
  const told: Array<string> = []
  const onWaiting = (said: string) => void told.push(said)
  const url = server.url.origin
  expect(await isReady(url, { stopping: never, onWaiting, toldAfterMillis: 0 })).toBe(true)
  expect(told).toEqual(["no model is loaded", "a, b"])
})

test("nothing is told while it does not take long", async () => {
  using server = gateway(["no model is loaded"], [])
  const told: Array<string> = []
  const onWaiting = (said: string) => void told.push(said)
  expect(await isReady(server.url.origin, { stopping: never, onWaiting })).toBe(true)
  expect(told).toEqual([])
})

test("an end while it waits is neither an answer nor told", async () => {
  using server = gateway(["no model is loaded"])
  const stopping = new AbortController()
  const told: Array<string> = []
  const onWaiting = (said: string) => {
    told.push(said)
    stopping.abort()
  }
  const { signal } = stopping
  const url = server.url.origin
  expect(await isReady(url, { stopping: signal, onWaiting, toldAfterMillis: 0 })).toBe(false)
  expect(told).toEqual(["no model is loaded"])
})
