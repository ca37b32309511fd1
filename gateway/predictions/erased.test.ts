import { expect, test } from "bun:test"
import { erasureOwner } from "#proto/erasure"
import { ANYONE } from "../access/caller.ts"
import { Erasures } from "./erased.ts"

const add = (erasures: Erasures, id: string, positions: ReadonlyArray<number>, owner?: string) =>
  erasures.add({
    _tag: "Erased",
    model: "m",
    id,
    positions,
    deadLetters: [],
    ...(owner === undefined ? {} : { owner: erasureOwner(id, owner) }),
    by: "test",
    at: 1,
  })

const callerOf = (name: string) => ({ ...ANYONE, name, readsAll: false })

test("an erasure is known to who had asked and to readers, and to nobody else", () => {
  const erasures = new Erasures()
  add(erasures, "x", [1], "alice")
  add(erasures, "y", [2])
  // Given again, of what only the dead letters still had.
  add(erasures, "x", [])
  const known = (caller: typeof ANYONE, id: string) => erasures.isKnownTo(caller, "m", id)
  expect([known(ANYONE, "x"), known(ANYONE, "y"), known(ANYONE, "z")]).toEqual([true, true, false])
  expect([known(callerOf("alice"), "x"), known(callerOf("alice"), "y")]).toEqual([true, false])
  expect(known(callerOf("bob"), "x")).toBe(false)
  expect(erasures.isKnownTo(ANYONE, "other", "x")).toBe(false)
})

test("erased positions come in order, neighbours together, within the range alone", () => {
  const erasures = new Erasures()
  add(erasures, "a", [9, 4, 5])
  add(erasures, "b", [6, 1, 9])
  const within = (from: number, to: number) => [...erasures.within("m", { from, to })]
  expect(within(1, 100)).toEqual([
    { from: 1, to: 1 },
    { from: 4, to: 6 },
    { from: 9, to: 9 },
  ])
  expect(within(5, 5)).toEqual([{ from: 5, to: 5 }])
  expect(within(2, 3)).toEqual([])
  expect(within(10, 9)).toEqual([])
  expect([...erasures.within("other", { from: 1, to: 9 })]).toEqual([])
})
