// What Great Expectations 1.24.1 gives for columns with infinities, recorded from the tool itself.
import { expect, test } from "bun:test"
import { evaluateSuite } from "./evaluate.ts"
import { gxJson } from "./gx-json.ts"
import { writeToolJson } from "./python-json.ts"
import { readSuite } from "./suite.ts"
import { numberColumn, tableOf } from "./table.ts"

const table = tableOf(
  new Map([
    ["x", numberColumn("float", Float64Array.of(1, 2, Infinity, 3, 2.5))],
    ["y", numberColumn("float", Float64Array.of(-Infinity, 1, 2, Infinity, 3))],
  ]),
)
const judge = (name: string, kwargs: Readonly<Record<string, unknown>>) => {
  const type = `expect_column_${name}`
  const outcome = evaluateSuite(readSuite({ name: "s", expectations: [{ type, kwargs }] }), table)
  const [{ success, result } = { success: false, result: {} }] = gxJson(outcome).results
  return { success, result, text: writeToolJson(result) }
}

test("a deviation with an infinity is no number and meets nothing", () => {
  for (const column of ["x", "y"])
    for (const bounds of [{ min_value: 0, max_value: 10 }, { min_value: 0 }])
      expect(judge("stdev_to_be_between", { column, ...bounds })).toMatchObject({
        success: false,
        result: { observed_value: null },
      })
})

test("no distance from the mean is too far where the deviation is no number", () => {
  for (const column of ["x", "y"])
    for (const rule of [
      { threshold: 1, double_sided: true },
      { threshold: -1, double_sided: false },
    ])
      expect(judge("value_z_scores_to_be_less_than", { column, ...rule })).toMatchObject({
        success: true,
        result: { unexpected_count: 0 },
      })
})

test("an infinity is judged and written as one", () => {
  const mean = (column: string) => judge("mean_to_be_between", { column, min_value: 0 })
  expect(mean("x")).toMatchObject({ success: true, text: '{\n  "observed_value": Infinity\n}' })
  expect(mean("y")).toMatchObject({ success: false, text: '{\n  "observed_value": null\n}' })
  const least = judge("min_to_be_between", { column: "y", min_value: 0 })
  expect(least.text).toBe('{\n  "observed_value": -Infinity\n}')
  const values = judge("values_to_be_between", { column: "y", min_value: 0, max_value: 2.6 })
  expect(values).toMatchObject({
    success: false,
    result: {
      partial_unexpected_list: [-Infinity, Infinity, 3],
      partial_unexpected_counts: [
        { value: -Infinity, count: 1 },
        { value: 3, count: 1 },
        { value: Infinity, count: 1 },
      ],
    },
  })
})
