import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { golden, sample, solveVectors, stream } from "./vectors.ts"

const vector = {
  name: "one",
  input: {},
  expected: { outer: { value: 0.5, list: [1, "NaN", "Infinity"], text: "ks", flag: true } },
  tolerance: { value: { abs: 1e-3 } },
}

const judge = async (got: unknown, cases: ReadonlyArray<unknown> = [vector]) => {
  const folder = mkdtempSync(join(tmpdir(), "golden-"))
  await Bun.write(join(folder, "some.json"), JSON.stringify({ cases }))
  const { failed } = solveVectors(join(folder, "some.json"), () => got)
  rmSync(folder, { recursive: true })
  return failed.length
}

const right = { value: 0.5004, list: new Float64Array([1, NaN, Infinity]), text: "ks", flag: true }

test("an answer within tolerance passes, more fields than expected do no harm", async () => {
  expect(await judge({ outer: { ...right, more: 1 } })).toBe(0)
})

test("any field beyond its tolerance, of another kind or absent fails the case", async () => {
  for (const wrong of [
    { ...right, value: 0.502 },
    { ...right, value: NaN },
    { ...right, list: [1 + 1e-15, NaN, Infinity] },
    { ...right, list: [1, 0, Infinity] },
    { ...right, list: [1, NaN] },
    { ...right, text: "cvm" },
    { ...right, flag: 1 },
    { value: 0.5, list: [1, NaN, Infinity], text: "ks" },
  ])
    expect(await judge({ outer: wrong })).toBe(1)
  expect(await judge({})).toBe(1)
})

test("an expected error is met only by an error", async () => {
  const cases = [{ name: "two", input: {}, expected: { error: "no rows" } }]
  expect(await judge({ error: "empty" }, cases)).toBe(0)
  expect(await judge({ value: 1 }, cases)).toBe(1)
})

test("recipes draw the same numbers as the tool that made the vectors", () => {
  const recipe = { kind: "uniform", seed: 1, n: 2, a: 0, b: 1 }
  // The first two numbers of mulberry32 with seed 1.
  const drawn = [0.6270739405881613, 0.002735721180215478]
  expect([...sample({ recipe })]).toEqual(drawn)
  expect([...stream([recipe, { ...recipe, n: 1 }])]).toEqual([...drawn, drawn[0]!])
})

test("a folder or a file that does not exist is an error", () => {
  expect(() => golden("some.json", "/nowhere", () => 1)).toThrow("/nowhere/some.json")
  expect(() => golden("no-such.json", undefined, () => 1)).toThrow("no-such.json")
})
