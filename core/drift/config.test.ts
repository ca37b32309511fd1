import { describe, expect, test } from "bun:test"
import { DriftConfigInvalid, parseDriftConfig, settingsOf } from "./config.ts"
import { SCHEMA_FILE, schemaText } from "./write-schema.ts"

const refusal = (yaml: string): string => {
  try {
    parseDriftConfig(yaml)
  } catch (cause) {
    if (cause instanceof DriftConfigInvalid) return cause.message
    throw cause
  }
  return "accepted"
}

test("the schema for editors is fresh: bun core/drift/write-schema.ts", async () => {
  expect(await Bun.file(SCHEMA_FILE).text()).toBe(schemaText())
})

describe("a configuration", () => {
  test("is refused with the key, what was expected there and what came", () => {
    const NUMBER = "expected a value between"
    const refusals: ReadonlyArray<readonly [yaml: string, ...faults: ReadonlyArray<string>]> = [
      [
        "models: { m: { window: { rows: 0 } } }",
        `models.m.window.rows: ${NUMBER} 1 and 10000000, got 0`,
      ],
      [
        "defaults: { alpha: 2, persistence: { hits: 3, of: 2, clear: 1 } }",
        `defaults.alpha: ${NUMBER} 0 and 1, got 2`,
        'defaults.persistence.hits: expected no more than of "of" (2), got 3: that can never be',
      ],
      [
        "models: { m: { reference: { from: 40, to: 1 } } }",
        'models.m.reference.from: expected a position that is not behind that of "to" (1), got 40',
      ],
      ["defaults: { slices: [{ feature: age, vaules: [1] }] }", 'got the key "vaules"'],
      ["[1, 2]", "expected object, got [1,2]"],
      ["models: { m: }", "models.m: expected object, got null"],
    ]
    for (const [yaml, ...faults] of refusals)
      for (const one of faults) expect(refusal(yaml)).toContain(one)
    expect(refusal("a: [")).toContain("drift configuration")
    expect(refusal("defaults: { reference: { from: 7, to: 7 } }")).toBe("accepted")
    expect(refusal("defaults: { reference: { from: week8, to: 7 } }")).toBe("accepted")
    expect(refusal(`- ${"x".repeat(10_000)}`).length).toBeLessThan(1_000)
  })

  test("of several shapes is told about the one that was meant, or about all", () => {
    const window = "defaults.window: expected { rows }, { every } or { marks }"
    const detectors = '"adwin", "page-hinkley", "kswin", "ddm", "eddm", "hddm-a", "hddm-w" or "mmd"'
    const refusals: ReadonlyArray<readonly [yaml: string, fault: string]> = [
      ["window: { evry: 1h }", `${window}, got {"evry":"1h"}`],
      ["window: { rows: 5, every: 1h }", `${window}, got {"rows":5,"every":"1h"}`],
      ["window: 500", `${window}, got 500`],
      ["window: { marks: false }", "defaults.window.marks: expected true, got false"],
      [
        "window: { every: 0h }",
        'defaults.window.every: expected a length of at least 1s, such as 15m, 1h or 1d, got "0h"',
      ],
      ["reference: { window: last }", 'defaults.reference.window: expected "first", got "last"'],
      ["reference: { from: 1 }", "defaults.reference.to: expected a value, got nothing"],
      [
        "reference: { digest: abc }",
        'defaults.reference.digest: expected 64 hexadecimal digits, got "abc"',
      ],
      [
        "update: { last: -1 }",
        "defaults.update.last: expected a value between 1 and 10000000, got -1",
      ],
      ["truth: true", "defaults.truth: expected false or { window, reference }, got true"],
      [
        "online: [{ detector: magic }]",
        `defaults.online[0].detector: expected ${detectors}, got "magic"`,
      ],
      [
        "online: [{ detector: mmd }]",
        "defaults.online[0].run_length: expected a value, got nothing",
      ],
    ]
    for (const [yaml, fault] of refusals)
      expect(refusal(`defaults: { ${yaml} }`)).toBe(`drift configuration: ${fault}`)
  })

  test("has the model's own words over the defaults, and those over the profile", () => {
    const config = parseDriftConfig(`
defaults: { alpha: 0.02, update: { reservoir: 500 } }
models:
  m: { effect: 0.2, online: [{ detector: adwin, columns: [age], delta: 0.001 }] }
`)
    const settings = settingsOf(config, "m")
    expect(settings).toMatchObject({
      alpha: 0.02,
      effect: 0.2,
      each: true,
      correction: "bonferroni",
      update: { kind: "reservoir", rows: 500 },
      online: [{ detector: "adwin", columns: ["age"], delta: 0.001 }],
    })
    expect(settingsOf(config, "other").effect).toBe(0.1)
  })
})
