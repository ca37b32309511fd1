// The demo's real records as requests.
import { readFile } from "node:fs/promises"
import type { Log } from "#core/log/log"
import { importDirectory } from "#core/registry/import"
import { readRelease } from "#core/registry/commands"
import type { Signature } from "#proto/signature"
import { parseFlights } from "../../examples/flights/flights.ts"
import { inProject } from "../project.ts"
import { importDependencies } from "../up/models.ts"

export const FLIGHTS = "flights"

/** The rows of the table in the order of time, as the `data` of a `/predict` body. */
export const flightRows = async (): Promise<ReadonlyArray<ReadonlyArray<number | string>>> => {
  const text = await readFile(inProject("examples", "flights", "flights.csv"), "utf8")
  return parseFlights(text).map(({ distance, hour, weekday, origin, destination }) => [
    distance,
    hour,
    weekday,
    origin,
    destination,
  ])
}

/** Imports and promotes the demo model; resolves with its signature. */
export const importFlights = async (log: Log): Promise<Signature> => {
  await importDirectory(importDependencies(log), inProject("examples", "flights", "models"))
  const { release } = await readRelease(log, FLIGHTS)
  const version = release.versions.get(release.champion ?? "")
  if (version === undefined) throw new Error("the flights model was not imported")
  return version.signature
}
