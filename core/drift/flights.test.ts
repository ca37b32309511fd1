// Real drift in real data: the flights of February 2001 were later than those of January, those of
// March were not, and the distances stayed as they were. Thresholds were fixed before looking.
import { expect, test } from "bun:test"
import { join } from "node:path"
import { parseFlights } from "../../examples/flights/flights.ts"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { evaluateWindow } from "./evaluate.ts"
import { prepareReference } from "./prepared.ts"
import { setNumber, TableBuilder, type Table } from "./table.ts"

const FLIGHTS = join(import.meta.dir, "../../examples/flights/flights.csv")

test("February's delays drift, March's and the distances do not", async () => {
  const flights = parseFlights(await Bun.file(FLIGHTS).text())
  const month = (prefix: string): Table => {
    const builder = new TableBuilder(100_000, 1)
    const delay = builder.column({ name: "delay", source: "output", kind: "numeric" })
    const distance = builder.column({ name: "distance", source: "input", kind: "numeric" })
    for (const flight of flights.filter(({ date }) => date.startsWith(prefix))) {
      const place = builder.place()
      setNumber(delay, place, flight.delay)
      setNumber(distance, place, flight.distance)
    }
    return builder.finish()
  }
  const config = "defaults: { alpha: 0.01, effect: 0.03 }"
  const settings = settingsOf(parseDriftConfig(config), "flights")
  const reference = prepareReference(month("2001-01"), settings)
  const drifted = async (prefix: string) =>
    (await evaluateWindow(reference, month(prefix), settings, { seed: 1 })).tests.map((one) => [
      one.feature,
      Number(one.effect?.toFixed(4)),
      one.drifted,
    ])
  expect(await drifted("2001-02")).toEqual([
    ["delay", 0.0518, true],
    ["distance", expect.any(Number), false],
  ])
  expect(await drifted("2001-03")).toEqual([
    ["delay", expect.any(Number), false],
    ["distance", expect.any(Number), false],
  ])
})
