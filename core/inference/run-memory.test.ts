import { expect, test } from "bun:test"
import { RunMemory } from "./run-memory.ts"

const LARGE_BYTES = 100_000

test("what is given back is used again, and what is lent is not", () => {
  const memory = new RunMemory()
  const first = memory.take(LARGE_BYTES)
  const second = memory.take(LARGE_BYTES)
  expect(second.buffer).not.toBe(first.buffer)
  memory.giveBack(first)
  const third = memory.take(LARGE_BYTES + 1)
  expect(third.buffer).toBe(first.buffer)
  expect(third.byteLength).toBe(LARGE_BYTES + 1)
  expect(memory.take(LARGE_BYTES).buffer).not.toBe(first.buffer)
})

test("what is given back twice is lent once", () => {
  const memory = new RunMemory()
  const one = memory.take(LARGE_BYTES)
  memory.giveBack(one)
  memory.giveBack(one)
  expect(memory.take(LARGE_BYTES).buffer).toBe(one.buffer)
  expect(memory.take(LARGE_BYTES).buffer).not.toBe(one.buffer)
})

test("what was not taken from it is never lent", () => {
  const memory = new RunMemory()
  const others = [new Uint8Array(131_072), memory.take(10), new RunMemory().take(LARGE_BYTES)]
  for (const other of others) memory.giveBack(other)
  const lent = memory.take(LARGE_BYTES)
  for (const other of others) expect(lent.buffer).not.toBe(other.buffer)
})

test("no more than 8 MiB are kept", () => {
  const memory = new RunMemory()
  const taken = Array.from({ length: 12 }, () => memory.take(1 << 20))
  for (const one of taken) memory.giveBack(one)
  const before = new Set(taken.map(({ buffer }) => buffer))
  const again = taken.map(() => memory.take(1 << 20))
  expect(again.filter(({ buffer }) => before.has(buffer))).toHaveLength(8)
  expect(memory.take(9 << 20).byteLength).toBe(9 << 20)
})
