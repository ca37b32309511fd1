// Texts as categories, however long they are.
import { describe, expect, test } from "bun:test"
import { addCsv } from "./csv.ts"
import { prepareReference } from "./prepared.ts"
import { readReference, writeReference } from "./reference.ts"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { evaluateWindow } from "./evaluate.ts"
import { CATEGORY_MAX_CHARACTERS, categoryOf, setText, TableBuilder, type Table } from "./table.ts"

const CITY = { name: "city", source: "input", kind: "categorical" } as const
const ORIGIN = { model: "m", origin: "rows", asked: "" }

const tableOf = (...texts: ReadonlyArray<string>): Table => {
  const builder = new TableBuilder(1_000, 1)
  for (const text of texts) setText(builder.column(CITY), builder.place(), text)
  return builder.finish()
}

const categoriesOf = ({ columns: [column] }: Table): ReadonlyArray<string> =>
  column?.kind === "categorical" ? [...column.codes].map((code) => column.texts[code] ?? "") : []

const long = (end: string): string => "M".repeat(1_200_000) + end

describe("a text of any length", () => {
  test("is one category that is its own, and a short one is itself", () => {
    const longest = "x".repeat(CATEGORY_MAX_CHARACTERS)
    const table = tableOf(long("a"), "Bern", long("b"), long("a"), longest, `${longest}x`)
    const [a = "", bern, b = "", again, whole, cut = ""] = categoriesOf(table)
    expect([bern, whole]).toEqual(["Bern", longest])
    expect(again).toBe(a)
    expect(new Set([a, b, whole, cut]).size).toBe(4)
    for (const name of [a, b, cut]) expect(name.length).toBe(CATEGORY_MAX_CHARACTERS)
    expect(a.startsWith("MMM")).toBe(true)
    expect(categoryOf(a)).toBe(a)
  })

  test("is cut between characters, never within one", () => {
    for (const before of ["", "x"]) {
      const name = categoryOf(before + "🌍".repeat(1_000))
      expect(name.isWellFormed()).toBe(true)
      expect(name.length).toBeLessThanOrEqual(CATEGORY_MAX_CHARACTERS)
    }
  })

  test("is the same category in a file, in a reference and in one that holds it whole", () => {
    const builder = new TableBuilder(1_000, 1)
    addCsv(`city\n"${long("a")}"\nBern\n`, [CITY], builder)
    const table = tableOf(long("a"), "Bern")
    expect(categoriesOf(builder.finish())).toEqual(categoriesOf(table))
    const { bytes } = writeReference(table, ORIGIN)
    expect(bytes.byteLength).toBeLessThan(1_000)
    expect(readReference(bytes).table).toEqual(table)

    const whole = long("a").slice(-1_000)
    const codes = Int32Array.of(0)
    const elsewhere = { rows: 1, seen: 1, columns: [{ ...CITY, codes, texts: [whole] }] }
    const read = readReference(writeReference(elsewhere, ORIGIN).bytes).table
    expect(categoriesOf(read)).toEqual(categoriesOf(tableOf(whole)))
  })

  test("can name a slice", async () => {
    const yaml = JSON.stringify({
      rows_min: 1,
      slices: [{ feature: "city", values: [long("a")] }],
      columns: { size: { kind: "categorical" } },
    })
    const settings = settingsOf(parseDriftConfig(`defaults: ${yaml}`), "m")
    const builder = new TableBuilder(1_000, 1)
    addCsv(
      `city,size\n${long("a")},1\n${long("a")},2\nBern,1\n`,
      [CITY, { ...CITY, name: "size" }],
      builder,
    )
    const table = builder.finish()
    const { tests } = await evaluateWindow(prepareReference(table, settings), table, settings, {
      seed: 1,
    })
    const sliced = tests.filter(({ slice }) => slice !== undefined)
    expect(sliced).toMatchObject([
      { feature: "size", slice: { value: categoryOf(long("a")) }, rows: 2, referenceRows: 2 },
    ])
  })
})

test("a reference of more texts than can be read is not written", () => {
  const rows = 100_000
  const codes = Int32Array.from({ length: rows }, (_, at) => at)
  const texts = Array.from(codes, String)
  const columns = ["a", "b", "c"].map((name) => ({ ...CITY, name, codes, texts }))
  const table = { rows, seen: rows, columns }
  expect(() => writeReference(table, ORIGIN)).toThrow("more than 262144 values")
  const two = { ...table, columns: columns.slice(1) }
  expect(readReference(writeReference(two, ORIGIN).bytes).table.rows).toBe(rows)
})

test("a reference whose columns are not as long as it says cannot be read", () => {
  const { columns } = tableOf("Bern", "Oslo")
  const short = writeReference({ rows: 3, seen: 3, columns }, ORIGIN)
  const reason = "column city: expected 4 bytes for each of 3 rows, got 8"
  expect(() => readReference(short.bytes)).toThrow(reason)
})
