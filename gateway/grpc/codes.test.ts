import { expect, test } from "bun:test"
import { join } from "node:path"
import { status } from "@grpc/grpc-js"
import { CASES } from "../http/status.ts"
import { CODES, codeOf, nameOfCode } from "./codes.ts"

test("every case of the table has the code of its HTTP status", () => {
  for (const { status: http } of Object.values(CASES)) expect(codeOf(http)).toBe(CODES[http])
  expect(Object.values(CODES)).not.toContain(status.OK)
})

test("the page about protocols has the same table", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/protocol.md")).text()
  const rows = [...page.matchAll(/^\| ([\d, ]+?) +\| `([A-Z_]+)` +\|$/gm)].flatMap(
    ([, codes = "", name]) => codes.split(", ").map((http) => [http, name]),
  )
  const table = Object.entries(CODES).map(([http, code]) => [http, nameOfCode(code)])
  expect(rows.toSorted()).toEqual(table.toSorted())
})
