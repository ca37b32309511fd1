// A seat is bounded in messages and in bytes, and says where its follower has to go on.
import { expect, test } from "bun:test"
import { Seat, type SeatOptions } from "./tail-seat.ts"

const MIB = 1024 * 1024
const seat = (options: Partial<SeatOptions> = {}) => {
  const reader = { position: 0, unread: 0 }
  const whole = { subject: undefined, from: 1, messagesMax: 3, reader, ...options }
  return { seat: new Seat<string>(whole), reader }
}
const signal = () => new AbortController().signal

test("what lies before its beginning is not for it", async () => {
  const { seat: own } = seat({ from: 5 })
  for (const sequence of [3, 4, 5]) own.offer(`row ${sequence}`, sequence, 1)
  const { value } = await own.batches(signal()).next()
  expect(value).toMatchObject({ messages: ["row 5"] })
})

test("after the first message that it has no room for it takes no other", async () => {
  const { seat: own, reader } = seat()
  const taken = [1, 2, 3, 4].map((sequence) => own.offer(`row ${sequence}`, sequence, 1))
  expect(taken).toEqual([true, true, true, false])
  const batches = own.batches(signal())
  const first = await batches.next()
  expect(first.value).toMatchObject({ messages: ["row 1", "row 2", "row 3"] })
  expect(own.offer("row 5", 5, 1)).toBe(false)
  reader.position = 5
  reader.unread = 7
  if (typeof first.value !== "object") throw new Error("no batch")
  expect(first.value.behind()).toBe(2 + 7)
  expect(await batches.next()).toEqual({ done: true, value: 4 })
})

test("large messages fill it sooner, and one of any size finds room", () => {
  const { seat: own } = seat()
  expect(own.offer("large", 1, 20 * MIB)).toBe(true)
  expect(own.offer("small", 2, 1)).toBe(false)
})

test("what ended the reader comes behind what waits", async () => {
  const { seat: own } = seat()
  own.offer("row 1", 1, 1)
  own.fail(new Error("the reader ended"))
  const batches = own.batches(signal())
  expect((await batches.next()).value).toMatchObject({ messages: ["row 1"] })
  expect(batches.next()).rejects.toThrow("the reader ended")
})
