import { describe, expect, test } from "bun:test"
import { setNumber, setText, TableBuilder, type Table } from "./table.ts"
import { joinReference } from "./update.ts"

const tableOf = (numbers: ReadonlyArray<number>, text: string | undefined): Table => {
  const builder = new TableBuilder(1_000_000, 1)
  const a = builder.column({ name: "a", source: "input", kind: "numeric" })
  const b = builder.column({ name: "b", source: "input", kind: "categorical" })
  for (const number of numbers) {
    const place = builder.place()
    setNumber(a, place, number)
    if (text !== undefined) setText(b, place, text)
  }
  return builder.finish()
}

const numbersOf = ({ columns: [a] }: Table) => (a?.kind === "numeric" ? [...a.values] : [])
const textsOf = ({ columns: [, b] }: Table) =>
  b?.kind === "categorical" ? [...b.codes].map((code) => b.texts[code]) : []

describe("a reference that windows join", () => {
  test("holds the last rows of both, with their texts", () => {
    const joined = joinReference(
      tableOf([1, 2, 3], "old"),
      tableOf([4, 5], "new"),
      { kind: "last", rows: 4 },
      1,
    )
    expect(numbersOf(joined)).toEqual([2, 3, 4, 5])
    expect(textsOf(joined)).toEqual(["old", "old", "new", "new"])
    expect(joined).toMatchObject({ rows: 4, seen: 4 })
  })

  test("or a sample in which every row had the same chance, the same for the same seed", () => {
    const rule = { kind: "reservoir", rows: 100 } as const
    let table = tableOf(
      Array.from({ length: 100 }, () => 0),
      undefined,
    )
    for (let window = 1; window <= 9; window++) {
      const rows = tableOf(
        Array.from({ length: 100 }, () => window),
        "w",
      )
      const again = joinReference(table, rows, rule, window)
      table = joinReference(table, rows, rule, window)
      expect(again).toEqual(table)
    }
    const kept = numbersOf(table).filter((value) => value === 0).length
    expect(table).toMatchObject({ rows: 100, seen: 1_000 })
    // A tenth of the rows came first: ten of them are expected, with a deviation of three.
    expect(Math.abs(kept - 10)).toBeLessThan(10)
    expect(textsOf(table).filter((text) => text === undefined).length).toBe(kept)
  })

  test("has no value where the window lacks a column", () => {
    const window = tableOf([4], "x")
    const joined = joinReference(
      tableOf([1], "old"),
      { ...window, columns: [] },
      { kind: "last", rows: 2 },
      1,
    )
    expect(numbersOf(joined)).toEqual([1, NaN])
    expect(textsOf(joined)).toEqual(["old", undefined])
  })
})
