import { expect, test } from "bun:test"
import { andersonDarlingExact, andersonDarlingPermuted } from "./anderson-darling-permuted.ts"

const samples = [
  Float64Array.of(1, 2, 2.5, 4),
  Float64Array.of(2, 3, 5.5, 6),
  Float64Array.of(0, 1.5, 7),
]

test("random splits come near the share over all splits", () => {
  const exact = andersonDarlingExact(samples)
  expect(exact.splits).toBe(11_550)
  const random = andersonDarlingPermuted(samples, 4_000, 3)
  expect(random.statistic).toBe(exact.statistic)
  expect(Math.abs(random.pvalue - exact.pvalue)).toBeLessThan(0.03)
  expect(andersonDarlingPermuted(samples, 50, 3)).toEqual(andersonDarlingPermuted(samples, 50, 3))
})

test("too many splits are refused", () => {
  const large = new Float64Array(20).map((_, i) => i)
  expect(() => andersonDarlingExact([large, large])).toThrow("more than 2000000 splits")
})
