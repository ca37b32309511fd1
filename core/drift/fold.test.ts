import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../../test/support/property.ts"
import type { Prediction } from "#proto/prediction"
import { columnPlans } from "./columns.ts"
import { WindowFold, type ClosedWindow } from "./fold.ts"
import { CUSTOMERS, customersFact } from "./test-customers.ts"
import type { WindowRule } from "./window.ts"

const plans = columnPlans(CUSTOMERS)

interface Positioned {
  readonly position: number
  readonly fact: Prediction
}

const newFold = (rule: WindowRule, from: number, marks: ReadonlyArray<number>) => {
  const fold = new WindowFold({
    model: "customers",
    rule,
    from,
    rowsMax: 7,
    plans: () => plans,
  })
  for (const mark of marks) fold.mark(mark)
  return fold
}

const foldAll = (
  rule: WindowRule,
  facts: ReadonlyArray<Positioned>,
  marks: ReadonlyArray<number> = [],
): ReadonlyArray<ClosedWindow> => {
  const fold = newFold(rule, 1, marks)
  return facts.flatMap(({ fact, position }) => fold.take(fact, position))
}

/** Begins anew behind the last closed window before each cut, as a monitor that was killed does. */
const foldWithRestarts = (
  rule: WindowRule,
  facts: ReadonlyArray<Positioned>,
  cuts: ReadonlyArray<number>,
  marks: ReadonlyArray<number>,
): ReadonlyArray<ClosedWindow> => {
  const closed: Array<ClosedWindow> = []
  const ends = [...cuts.toSorted((a, b) => a - b), facts.length]
  for (const end of ends) {
    const from = (closed.at(-1)?.range.to ?? 0) + 1
    const fold = newFold(rule, from, marks)
    for (const { fact, position } of facts.slice(0, end))
      if (position >= from) closed.push(...fold.take(fact, position))
  }
  return closed
}

const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })))
const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })))

const factsOf = (sizes: ReadonlyArray<number>): ReadonlyArray<Positioned> =>
  sizes.map((size, at) => ({
    // Other models' facts lie between.
    position: 3 * at + 2,
    fact: customersFact(
      at,
      Array.from({ length: size }, (_, row) => ({ age: at * 10 + row, city: `c${at % 3}` })),
    ),
  }))

for (const rule of [
  { kind: "rows", rows: 5 },
  { kind: "time", millis: 4_000 },
  { kind: "marks" },
] as const)
  property(
    `windows by ${rule.kind} are the same wherever the fold was begun anew`,
    Arbitrary.all([
      Arbitrary.array(Arbitrary.schema(Sizes), { minLength: 1, maxLength: 4 }),
      Arbitrary.schema(Cuts),
      Arbitrary.schema(Cuts),
    ]),
    ([sizes, cuts, marks]) => {
      const facts = factsOf(sizes.flat())
      const positions = marks.map((mark) => 3 * mark + 1)
      expect(foldWithRestarts(rule, facts, cuts, positions)).toEqual([
        ...foldAll(rule, facts, positions),
      ])
    },
  )

property(
  "windows lie end to end, and every fact is in exactly one or in the open rest",
  Arbitrary.schema(Sizes),
  (sizes) => {
    const facts = factsOf(sizes)
    const windows = foldAll({ kind: "rows", rows: 5 }, facts)
    windows.forEach(({ range }, at) =>
      expect(range.from).toBe((windows[at - 1]?.range.to ?? 0) + 1),
    )
    for (const { range } of windows) {
      const inside = facts.filter(({ position }) => position >= range.from && position <= range.to)
      expect(inside.length).toBe(range.facts)
      expect(range.rows).toBeGreaterThanOrEqual(5)
    }
  },
)

describe("a window", () => {
  test("takes whole facts and counts failures that give no rows", () => {
    const [window] = foldAll({ kind: "rows", rows: 5 }, factsOf([2, 0, 4, 1]))
    expect(window?.range).toMatchObject({ from: 1, to: 8, rows: 6, facts: 3, failed: 1 })
  })

  test("holds a sample of what is too much, the same for the same rows", () => {
    const run = () => foldAll({ kind: "rows", rows: 12 }, factsOf([4, 4, 4]))[0]
    expect(run()?.range).toMatchObject({ rows: 12, sampled: 7 })
    expect(run()?.table.columns).toEqual(run()?.table.columns ?? [])
  })

  test("of one row has one", () => {
    const [window] = foldAll({ kind: "rows", rows: 1 }, factsOf([1]))
    expect(window?.table).toMatchObject({ rows: 1, seen: 1 })
  })

  test("ends at a mark once it is known that all before it is in", () => {
    const fold = newFold({ kind: "marks" }, 1, [])
    for (const { fact, position } of factsOf([1, 1])) fold.take(fact, position)
    expect(fold.mark(6)).toBe("known")
    expect(fold.passed(5)).toEqual([])
    expect(fold.passed(6).map(({ range }) => [range.from, range.to])).toEqual([[1, 6]])
  })

  test("says that a mark came too late, when facts behind it are in", () => {
    const fold = newFold({ kind: "marks" }, 1, [])
    for (const { fact, position } of factsOf([1, 1])) fold.take(fact, position)
    expect(fold.mark(3)).toBe("late")
  })

  test("by time ends with the first fact after it", () => {
    const windows = foldAll({ kind: "time", millis: 4_000 }, factsOf([1, 1, 1, 1, 1, 1]))
    expect(windows.map(({ range }) => range.facts)).toEqual([4])
  })
})
