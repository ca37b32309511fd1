import { expect, test } from "bun:test"
import { join } from "node:path"
import { ParquetRefused, tableFromParquet } from "./parquet.ts"

const golden = (name: string) =>
  Bun.file(join(import.meta.dir, "golden", "parquet", name)).arrayBuffer()

const ROWS = [
  ["i", "float", [1, 2, 3, null]],
  ["n", "integer", [1, 2, 3, 4]],
  ["f", "float", [0.1, 2.5, null, 4]],
  ["f32", "float", [0.1, 0.2, 0.3, 5]],
  ["s", "string", ["a", null, "c", "a"]],
  ["b", "boolean", [true, false, true, true]],
  ["d", "date", [1_704_067_200_000, 1_704_164_645_000, null, 1_706_745_600_000]],
  ["c", "string", ["x", "y", "x", "x"]],
]

for (const [name, leftOut] of [
  ["pandas-snappy.parquet", []],
  ["pandas-two-groups.parquet", []],
  ["polars-zstd.parquet", ["l"]],
] as const)
  test(`${name} is read with its types, without index and lists`, async () => {
    const read = await tableFromParquet(await golden(name))
    const columns = [...read.table.columns].map(([column, { type, values, missing }]) => [
      column,
      type,
      Array.from(values, (value, row) => (missing[row] === 1 ? null : value)),
    ])
    expect(columns).toEqual(ROWS)
    expect(read.leftOut).toEqual([...leftOut])
  })

test("what is no Parquet, or cut off, is refused", async () => {
  const whole = await golden("pandas-snappy.parquet")
  for (const bytes of [new ArrayBuffer(0), new ArrayBuffer(64), whole.slice(0, 900)])
    await expect(tableFromParquet(bytes)).rejects.toThrow(ParquetRefused)
})
