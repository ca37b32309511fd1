import { expect, test } from "bun:test"
import { runGolden } from "./golden.ts"

const outcomes = runGolden(Bun.env["WEIR_GOLDEN"])

if (outcomes === undefined) test.skip("Great Expectations (gx: not in the folder given)", () => {})

for (const { file, passed, total, differences } of outcomes ?? []) {
  test(`a suite gives the results that Great Expectations recorded in ${file}`, () => {
    console.log(`golden ${file}: ${passed} of ${total} passed`)
    expect(differences).toEqual([])
    expect(total).toBeGreaterThan(0)
  })
}
