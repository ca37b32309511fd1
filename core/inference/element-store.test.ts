import { expect, test } from "bun:test"
import { elementStore } from "./element-store.ts"

test("tensors that share memory keep their own elements, however many follow", () => {
  const kept: Array<readonly [number, Uint8Array]> = []
  for (let value = 0; value < 5_000; value++) {
    const floats = elementStore("FP32", 3)
    const bytes = elementStore("UINT8", 3)
    expect(floats.fill([value, value + 1, value + 2], 0)).toBe(-1)
    expect(bytes.fill([7, 8, 9], 0)).toBe(-1)
    kept.push([value, floats.finish()])
    expect([...bytes.finish()]).toEqual([7, 8, 9])
  }
  for (const [value, data] of kept) {
    expect(data.byteLength).toBe(12)
    const read = new Float32Array(data.buffer, data.byteOffset, 3)
    expect([...read]).toEqual([value, value + 1, value + 2])
  }
})

test("elements that were not filled are zero, though others were refused before", () => {
  for (let round = 0; round < 10_000; round++) {
    const store = elementStore("INT64", 2)
    expect([...store.finish()].every((byte) => byte === 0)).toBe(true)
    expect(store.fill([round + 1, 0.5], 0)).toBe(1)
  }
})
