import { expect, test } from "bun:test"
import { describeSettings, flagOf, readFlags } from "./flags.ts"
import { natsSettings } from "./process-settings.ts"
import { integer, port, readSettings, secret, SettingsInvalid, toggle } from "./settings.ts"

const settings = {
  ...natsSettings,
  statusPort: port("WEIR_STATUS_PORT", "Port of health", 0),
  most: integer("WEIR_IN_FLIGHT_MAX", "Requests at once", 8, 1, 100),
  enabled: toggle("DRIFT_ENABLED", "Whether it is", false),
  pepper: secret("WEIR_KEY_PEPPER", "Under what keys are digested"),
} as const

const problemsOf = (...args: ReadonlyArray<string>): ReadonlyArray<string> => {
  try {
    readFlags(settings, args)
    return []
  } catch (cause) {
    return cause instanceof SettingsInvalid ? cause.problems : [String(cause)]
  }
}

test("a flag is its variable in other letters, and the prefix is left out", () => {
  const variables = ["WEIR_STATUS_PORT", "NATS_URL", "LOG_LEVEL", "DRIFT_ENABLED"]
  expect(variables.map(flagOf)).toEqual(["status-port", "nats-url", "log-level", "drift-enabled"])
})

test("flags become variables and win over those of the environment", () => {
  const args = ["--in-flight-max", "9", "--drift-enabled=true", "--port", "1", "--nats", "n1:4222"]
  const flags = readFlags(settings, args)
  expect(flags).toEqual({
    WEIR_IN_FLIGHT_MAX: "9",
    DRIFT_ENABLED: "true",
    WEIR_STATUS_PORT: "1",
    NATS_URL: "n1:4222",
  })
  const environment = { WEIR_IN_FLIGHT_MAX: "7", WEIR_KEY_PEPPER: "stays as it was" }
  expect(readSettings(settings, { ...environment, ...flags })).toMatchObject({
    most: 9,
    pepper: "stays as it was",
  })
  expect(readFlags(settings, [])).toEqual({})
  expect(readFlags(settings, ["--nats-url", "n2"])).toEqual({ NATS_URL: "n2" })
})

test("what is no flag, or has no value, is refused by name", () => {
  expect(problemsOf("--prot", "8080")[0]).toContain("--prot")
  expect(problemsOf("--in-flight-max")[0]).toContain("--in-flight-max")
  expect(problemsOf("8080")[0]).toContain("8080")
})

test("the short names yield to a setting that has the name by itself", () => {
  const own = { ...settings, port: port("WEIR_PORT", "Port of the server", 8_080) }
  expect(readFlags(own, ["--port", "1", "--status-port", "2"])).toEqual({
    WEIR_PORT: "1",
    WEIR_STATUS_PORT: "2",
  })
  expect(describeSettings(own)).toMatch(/^ {2}--status-port VALUE +Port of health/m)
})

test("the help has a line for each, with variable and default, and no secret", () => {
  const lines = describeSettings(settings).split("\n")
  expect(lines.length).toBe(Object.keys(settings).length)
  expect(lines.find((line) => line.includes("--in-flight-max"))).toContain(
    "Requests at once (1 to 100) [WEIR_IN_FLIGHT_MAX, default 8]",
  )
  expect(lines.find((line) => line.includes("--key-pepper"))).toEndWith("[WEIR_KEY_PEPPER]")
})
