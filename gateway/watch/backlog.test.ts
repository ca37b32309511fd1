import { expect, test } from "bun:test"
import {
  BacklogState,
  PREDICTOR_BUSY_PATIENCE_MILLIS,
  PREDICTOR_PATIENCE_MILLIS,
  RETRY_AFTER_MAX_SECONDS,
  type QueueSample,
} from "./backlog.ts"

const sample = (at: number, more: Partial<QueueSample> = {}): QueueSample => ({
  at,
  messages: 0,
  messagesMax: 10_000,
  bytes: 0,
  bytesMax: 1_000_000,
  lastSequence: 0,
  pending: 0,
  ackPending: 0,
  waitingPulls: 0,
  delivered: 0,
  redelivered: 0,
  ...more,
})

/**
 * A queue that is fed with `arriving` and drained with `draining` requests a second for some
 * seconds.
 */
const run = (arriving: number, draining: number, seconds: number): BacklogState => {
  const state = new BacklogState()
  for (let at = 0; at <= seconds * 1_000; at += 500) {
    const lastSequence = (arriving * at) / 1_000
    const messages = Math.max(0, lastSequence - (draining * at) / 1_000)
    state.add(sample(at, { messages, lastSequence, pending: messages, waitingPulls: 1 }))
  }
  return state
}

test("Retry-After is what waits over the rate at which it drains", () => {
  const state = run(300, 100, 10)
  expect(state.ratePerSecond).toBeCloseTo(100, 0)
  expect(state.retryAfterSeconds(false)).toBe(20)
})

test("a queue that was just refused as full counts as full", () => {
  expect(run(300, 100, 10).retryAfterSeconds(true)).toBe(100)
})

test("a changed rate is followed within some seconds", () => {
  const state = run(300, 100, 10)
  for (let at = 10_500; at <= 20_000; at += 500) {
    const drained = 1_000 + (50 * (at - 10_000)) / 1_000
    state.add(sample(at, { messages: 5_000, lastSequence: 5_000 + drained }))
  }
  expect(state.ratePerSecond).toBeCloseTo(50, -1)
})

test("Retry-After stays between a second and its maximum", () => {
  expect(new BacklogState().retryAfterSeconds(true)).toBe(1)
  expect(run(2, 1, 4).retryAfterSeconds(false)).toBe(4)
  expect(run(300, 1, 30).retryAfterSeconds(false)).toBe(RETRY_AFTER_MAX_SECONDS)
})

test("what is parked is not waited for", () => {
  const state = run(300, 100, 10)
  state.add(sample(10_000, { messages: 2_000, lastSequence: 3_000, pending: 1_000, ackPending: 0 }))
  expect(state.parked).toBe(1_000)
  expect(state.retryAfterSeconds(false)).toBe(10)
})

test("predictors are seen while a pull waits or work goes on, and for a while after", () => {
  const state = new BacklogState()
  state.add(sample(0))
  expect(state.predictorsSeen()).toBe(false)
  state.add(sample(500, { waitingPulls: 1 }))
  expect(state.predictorsSeen()).toBe(true)
  state.add(sample(1_000, { delivered: 1, messages: 1 }))
  expect(state.predictorsSeen()).toBe(true)
  const silence = { delivered: 1, messages: 1 }
  let at = 1_000
  while (at < PREDICTOR_PATIENCE_MILLIS + 500) state.add(sample((at += 500), silence))
  expect(state.predictorsSeen()).toBe(true)
  state.add(sample((at += 500), silence))
  expect(state.predictorsSeen()).toBe(false)
})

test("who is not found in a silence has gone, until somebody asks or works again", () => {
  const state = new BacklogState()
  state.add(sample(0, { waitingPulls: 1 }))
  expect([state.isSilent, state.predictorsThere()]).toEqual([false, true])
  state.add(sample(500, { ackPending: 1 }))
  expect([state.isSilent, state.predictorsThere()]).toEqual([true, true])
  state.lookedFor(false)
  expect([state.predictorsThere(), state.predictorsSeen()]).toEqual([false, true])
  state.lookedFor(true)
  expect(state.predictorsThere()).toBe(true)
  state.lookedFor(false)
  state.add(sample(1_000, { waitingPulls: 1 }))
  expect([state.isSilent, state.predictorsThere()]).toEqual([false, true])
})

test("with work in hand they may be silent for longer", () => {
  const state = new BacklogState()
  state.add(sample(0, { waitingPulls: 1 }))
  let at = 0
  while (at < PREDICTOR_BUSY_PATIENCE_MILLIS - 1_000)
    state.add(sample((at += 500), { ackPending: 1 }))
  expect(state.predictorsSeen()).toBe(true)
})

test("time in which the log could not be asked is no silence", () => {
  const state = new BacklogState()
  state.add(sample(0, { waitingPulls: 1 }))
  state.add(sample(60_000))
  expect(state.predictorsSeen()).toBe(true)
})

test("there is room while half of the queue would stay free, of messages and of bytes", () => {
  const state = new BacklogState()
  expect(state.hasRoom(0, 0)).toBe(false)
  state.add(sample(0, { messages: 4_000, bytes: 400_000 }))
  expect(state.hasRoom(999, 99_999)).toBe(true)
  expect(state.hasRoom(1_000, 0)).toBe(false)
  expect(state.hasRoom(0, 100_000)).toBe(false)
  state.add(sample(500, { messages: 4_000, messagesMax: -1, bytesMax: -1 }))
  expect(state.hasRoom(1_000_000, 1e12)).toBe(true)
})
