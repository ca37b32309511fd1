// The committed `.env.example`, and whether it is what the settings say.
import { expect, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { readSettings } from "#core/service/settings"
import { driftMonitorSettings } from "../../drift-monitor/settings.ts"
import { gatewaySettings } from "../../gateway/settings.ts"
import { predictorSettings } from "../../predictor/settings.ts"
import { inProject } from "../project.ts"
import { environmentFile } from "./example.ts"

const committed = () => readFile(inProject(".env.example"), "utf8")

test("the committed file is the one that the settings give", async () => {
  // Mend it by: bun cli/environment/write-example.ts
  expect(await committed()).toBe(environmentFile())
})

test("every setting of the processes is in it once, with its meaning", async () => {
  const lines = (await committed()).split("\n")
  const settings = [gatewaySettings, predictorSettings, driftMonitorSettings].flatMap((one) =>
    Object.values(one),
  )
  for (const { variable } of settings) {
    const at = lines.flatMap((line, index) => (line.startsWith(`#${variable}=`) ? [index] : []))
    expect(at.length).toBe(1)
    // Two processes can put the meaning of the same setting in different words.
    const meanings = settings.filter((one) => one.variable === variable)
    const written = lines[(at[0] ?? 0) - 1]
    expect(meanings.map(({ about }) => `# ${about}`)).toContain(written ?? "")
  }
})

test("with every line taken at its word the processes have their defaults", async () => {
  const lines = (await committed()).split("\n").filter((line) => /^#[A-Z]/.test(line))
  const environment = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=")
      return [line.slice(1, at), line.slice(at + 1)]
    }),
  )
  expect(readSettings(gatewaySettings, environment)).toEqual(readSettings(gatewaySettings, {}))
  expect(readSettings(predictorSettings, environment)).toEqual(readSettings(predictorSettings, {}))
})
