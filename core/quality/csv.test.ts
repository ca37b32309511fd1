import { expect, test } from "bun:test"
import { CsvRefused, tableFromCsv } from "./csv.ts"
import { cellAt } from "./table.ts"

const cells = (text: string, name: string) => {
  const table = tableFromCsv(text)
  const column = table.columns.get(name)!
  return [column.type, ...Array.from({ length: table.rows }, (_, row) => cellAt(column, row))]
}

test("each column gets the narrowest type that fits all its cells", () => {
  const text = "i,f,b,s,n,e\n1,1,True,x,1,\n2,2.5,false,7,,\n"
  expect(cells(text, "i")).toEqual(["integer", 1, 2])
  expect(cells(text, "f")).toEqual(["float", 1, 2.5])
  expect(cells(text, "b")).toEqual(["boolean", true, false])
  expect(cells(text, "s")).toEqual(["string", "x", "7"])
  expect(cells(text, "n")).toEqual(["float", 1, null])
  expect(cells(text, "e")).toEqual(["float", null, null])
})

test("quotes hold commas, quotes and line ends", () => {
  expect(cells('a,b\r\n"x, ""y""\nz",1\r\n"",2', "a")).toEqual(["string", 'x, "y"\nz', null])
  expect(cells("\u{feff}a\n1\n\n2\n", "a")).toEqual(["integer", 1, 2])
})

test("a schema decides over what cells look like", () => {
  const schema = { columns: [{ name: "zip", type: "string" } as const] }
  const table = tableFromCsv("zip,n\n007,1\n", schema)
  expect(cellAt(table.columns.get("zip")!, 0)).toBe("007")
})

test("what does not fit is refused with column, row and value", () => {
  const schema = { columns: [{ name: "n", type: "integer" } as const] }
  expect(() => tableFromCsv("n\n1\nx\n", schema)).toThrow('column "n", row 2: "x"')
  expect(() => tableFromCsv("a,b\n1\n")).toThrow("row 1 has 1 fields, the header has 2")
  expect(() => tableFromCsv('a\n"x\n')).toThrow("not closed")
  expect(() => tableFromCsv("")).toThrow(CsvRefused)
  expect(() => tableFromCsv("a,a\n1,2\n")).toThrow("one name")
})
