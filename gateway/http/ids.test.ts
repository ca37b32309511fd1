import { expect, test } from "bun:test"
import { isLogId } from "#proto/names"
import { newId } from "./ids.ts"

test("new ids of one moment differ, across the blocks that their randomness is drawn in", () => {
  const ids = new Set(Array.from({ length: 3_000 }, () => newId(1_760_000_000_000)))
  expect(ids.size).toBe(3_000)
  expect(ids.values().every(isLogId)).toBe(true)
})
