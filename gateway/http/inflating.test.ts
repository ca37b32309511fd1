// Packed bodies are unpacked a few at a time, in the order in which they came.
import { expect, test } from "bun:test"
import { Inflating } from "./inflating.ts"

const begin = (inflating: Inflating, name: string, begun: Array<string>) => {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const ended = inflating.inTurn(() => {
    begun.push(name)
    return promise
  })
  return { ended, end: () => resolve(name), fail: () => reject(new Error(name)) }
}

test("so many run at once, and the others as those end, in their order", async () => {
  const inflating = new Inflating(2)
  const begun: Array<string> = []
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => begin(inflating, name, begun))
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error()
  expect([begun, inflating.running]).toEqual([["a", "b"], 2])
  b.end()
  expect(await b.ended).toBe("b")
  const late = begin(inflating, "late", begun)
  expect([begun, inflating.running]).toEqual([["a", "b", "c"], 2])
  a.end()
  c.end()
  d.end()
  late.end()
  await Promise.all([a.ended, c.ended, d.ended, late.ended])
  expect([begun, inflating.running]).toEqual([["a", "b", "c", "d", "late"], 0])
})

test("one that fails gives its turn on as well", async () => {
  const inflating = new Inflating(1)
  const begun: Array<string> = []
  const broken = begin(inflating, "broken", begun)
  const next = begin(inflating, "next", begun)
  broken.fail()
  expect(await broken.ended.catch(String)).toBe("Error: broken")
  next.end()
  expect(await next.ended).toBe("next")
  expect(inflating.running).toBe(0)
})
