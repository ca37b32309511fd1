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
  test("is refused with the place of what is wrong", () => {
    expect(refusal("models: { m: { window: { rows: 0 } } }")).toContain("rows")
    expect(refusal("defaults: { widnow: { rows: 5 } }")).toContain("widnow")
    expect(refusal("defaults: { online: [{ detector: magic }] }")).toContain("online")
    expect(refusal("defaults: { online: [{ detector: mmd }] }")).toContain("run_length")
    expect(refusal("defaults: { update: { last: -1 } }")).toContain("last")
    const reversed = refusal("models: { m: { reference: { from: 40, to: 1 } } }")
    expect(reversed).toBe(
      'drift configuration: Expected a position that is not behind that of "to" (1), got 40\n' +
        '  at ["models"]["m"]["reference"]["from"]',
    )
    expect(refusal("defaults: { reference: { from: 7, to: 7 } }")).toBe("accepted")
    expect(refusal("defaults: { reference: { from: week8, to: 7 } }")).toBe("accepted")
    expect(refusal("a: [")).toContain("drift configuration")
    expect(refusal("defaults: { persistence: { hits: 3, of: 2, clear: 1 } }")).toContain("never")
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
