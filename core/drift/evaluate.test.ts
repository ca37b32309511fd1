import { describe, expect, test } from "bun:test"
import { seededRandom } from "#core/statistics/seeded-random"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { addCsv, CsvUnreadable } from "./csv.ts"
import { evaluateWindow } from "./evaluate.ts"
import { prepareReference } from "./prepared.ts"
import { readReference, writeReference } from "./reference.ts"
import { setNumber, setText, TableBuilder, type Table } from "./table.ts"

const AGE = { name: "age", source: "input", kind: "numeric" } as const
const CITY = { name: "city", source: "input", kind: "categorical" } as const

const table = (ages: ReadonlyArray<number>, cities: ReadonlyArray<string | null>): Table => {
  const builder = new TableBuilder(1_000_000, 1)
  const [age, city] = [builder.column(AGE), builder.column(CITY)]
  ages.forEach((value, at) => {
    const place = builder.place()
    setNumber(age, place, value)
    const text = cities[at]
    if (typeof text === "string") setText(city, place, text)
  })
  return builder.finish()
}

const uniform = (count: number, seed: number, shift = 0) => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random() + shift)
}
const cities = (count: number, names: ReadonlyArray<string> = ["Bern", "Oslo"]) =>
  Array.from({ length: count }, (_, at) => names[at % names.length] ?? "")

const evaluate = (reference: Table, window: Table, yaml = "") => {
  const settings = settingsOf(parseDriftConfig(yaml), "m")
  return evaluateWindow(prepareReference(reference, settings), window, settings, { seed: 7 })
}

const REFERENCE = table(uniform(1_000, 1), cities(1_000))

describe("a window", () => {
  test("like its reference does not drift", async () => {
    const { verdict, tests } = await evaluate(REFERENCE, table(uniform(1_000, 2), cities(1_000)))
    expect(verdict).toBe("none")
    expect(tests.map(({ threshold }) => threshold)).toEqual([0.005, 0.005])
  })

  test("with a small p and a small effect does not drift, unless that is asked for", async () => {
    const reference = table(uniform(50_000, 1), cities(50_000))
    const window = table(uniform(50_000, 2, 0.03), cities(50_000))
    expect((await evaluate(reference, window)).verdict).toBe("none")
    const [age] = (await evaluate(reference, window, "defaults: { effect: 0.02 }")).tests
    expect(age?.pvalue).toBeLessThan(1e-6)
    expect(age?.drifted).toBe(true)
  })

  test("of few rows is not tested at all", async () => {
    const { verdict, tests } = await evaluate(REFERENCE, table([5], ["Rome"]))
    expect(verdict).toBe("insufficient")
    expect(tests.map(({ problem }) => problem)).toEqual([
      "1 rows, of at least 100",
      "1 rows, of at least 100",
    ])
  })

  test("gives the same numbers for the same seed, permutations included", async () => {
    const window = table(uniform(400, 3, 0.05), cities(400))
    const yaml = "defaults: { mmd: { rows: 100, permutations: 100 }, rows_min: 10 }"
    const first = await evaluate(REFERENCE, window, yaml)
    const second = await evaluate(REFERENCE, window, yaml)
    expect(first).toEqual(second)
    expect(first.tests.at(-1)).toMatchObject({ feature: "(all numeric)", test: "mmd", rows: 100 })
  })

  test("without a column that the reference has reports that and goes on", async () => {
    const builder = new TableBuilder(1_000, 1)
    const city = builder.column(CITY)
    for (const text of cities(500)) setText(city, builder.place(), text)
    const { tests } = await evaluate(REFERENCE, builder.finish())
    expect(tests[0]).toMatchObject({ feature: "age", problem: "the window is all null" })
    expect(tests.at(-1)).toMatchObject({ feature: "city", drifted: false, statistic: 0 })
  })

  test("is compared slice by slice", async () => {
    const ages = uniform(1_000, 4).map((age, at) => (at % 2 === 1 ? age + 1 : age))
    const yaml = "defaults: { slices: [{ feature: city }] }"
    const { tests } = await evaluate(REFERENCE, table(ages, cities(1_000)), yaml)
    expect(tests.map(({ slice, drifted }) => [slice?.value, drifted])).toEqual([
      [undefined, true],
      [undefined, false],
      ["Bern", false],
      ["Oslo", true],
    ])
  })

  test("with hundreds of rare categories makes no false alarm of them", async () => {
    const names = (seed: number) => {
      const random = seededRandom(seed)
      return Array.from({ length: 1_000 }, () => `airport ${Math.floor(400 * random() ** 3)}`)
    }
    const reference = table(uniform(1_000, 1), names(5))
    const [, city, unseen] = (await evaluate(reference, table(uniform(1_000, 6), names(7)))).tests
    expect(city?.pvalue).toBeGreaterThan(0.01)
    // A reference of a thousand rows has not met all four hundred of them.
    expect(unseen?.statistic).toBeGreaterThan(0)
    expect(unseen).toMatchObject({ test: "unseen", drifted: false })
  })

  test("with more new categories than the reference may have missed drifts", async () => {
    const some = cities(1_000).map((city, at) => (at % 10 === 0 ? "Rome" : city))
    const { tests } = await evaluate(REFERENCE, table(uniform(1_000, 6), some))
    expect(tests.at(-1)).toMatchObject({ test: "unseen", statistic: 0.1, drifted: true })
  })

  test("is judged by a distance where one is asked for", async () => {
    const window = table(uniform(1_000, 2, 0.5), cities(1_000))
    const yaml =
      "defaults: { columns: { age: { test: psi, threshold: 0.2 }, city: { ignore: true } } }"
    const { tests } = await evaluate(REFERENCE, window, yaml)
    expect(tests.length).toBe(1)
    expect(tests[0]).toMatchObject({ test: "psi", threshold: 0.2, drifted: true })
    expect(tests[0]?.pvalue).toBeUndefined()
  })

  test("follows the profile of a tool", async () => {
    const window = table(uniform(1_000, 2, 0.2), cities(1_000))
    const tool = async (name: string) =>
      (await evaluate(REFERENCE, window, `defaults: { profile: ${name} }`)).tests[0]
    expect(await tool("alibi")).toMatchObject({ test: "ks-asymptotic", threshold: 0.025 })
    expect(await tool("evidently")).toMatchObject({ test: "ks", threshold: 0.05 })
    expect(await tool("scipy")).toMatchObject({ test: "ks", threshold: 0.05, drifted: true })
  })
})

describe("a reference", () => {
  const origin = { model: "m", origin: "first 1000 rows", asked: "{}", from: 1, to: 1_000 }
  test("is read back as it was written, under the digest of its bytes", () => {
    const { bytes, digest } = writeReference(REFERENCE, origin)
    expect(readReference(bytes).table).toEqual(REFERENCE)
    expect(writeReference(REFERENCE, origin).digest).toBe(digest)
    expect(writeReference(table([1], ["Bern"]), origin).digest).not.toBe(digest)
  })

  test("has one digest whatever bits its missing values have", () => {
    const negative = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)
    const digest = (missing: number) => writeReference(table([1, missing], []), origin).digest
    expect(digest(negative[0] ?? 0)).toBe(digest(NaN))
  })
})

describe("a CSV file", () => {
  const read = (text: string): Table => {
    const builder = new TableBuilder(1_000, 1)
    addCsv(text, [AGE, CITY], builder)
    return builder.finish()
  }
  test("gives the columns that the model has, quoted cells and missing values included", () => {
    const [age, city] = read('id,city,age\r\n1,"Bern, ""old""",30\r\n2,NA,\r\n').columns
    expect(age?.kind === "numeric" && [...age.values]).toEqual([30, NaN])
    expect(city?.kind === "categorical" && [...city.codes]).toEqual([0, -1])
    expect(city?.kind === "categorical" && city.texts).toEqual(['Bern, "old"'])
  })
  test("is refused with the line that is wrong", () => {
    const refusal = (text: string) => {
      try {
        read(text)
      } catch (cause) {
        if (cause instanceof CsvUnreadable) return cause.message
      }
      return undefined
    }
    expect(refusal("age,city\n1,Bern\nx,Oslo\n")).toBe('line 3: age: "x" is no number')
    expect(refusal("age,city\n1\n")).toBe("line 2: 1 cells under a header of 2")
    expect(refusal("a,b\n1,2\n")).toBe("line 1: the header names none of age, city")
    expect(refusal('age\n"1\n')).toBe("line 2: a quoted cell has no end")
  })
})
