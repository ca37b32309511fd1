// The suite against another real server: MLServer from the Python package index.
import { expect, test } from "bun:test"
import { findMlserver, startMlserver } from "./mlserver/start.ts"
import { runSuite } from "./suite.ts"

const WAIT_MILLIS = 180_000
const bin = findMlserver()

const name = "MLServer passes most of the protocol itself, and its extensions are unsupported"
const run = async (folder: string) => {
  const mlserver = await startMlserver(folder)
  try {
    const { results } = await runSuite({ url: mlserver.url, models: [], mayUnload: true })
    const count = (area: string, outcome: string) =>
      results.filter((one) => one.area === area && one.outcome === outcome).length
    expect(count("infer", "passed")).toBeGreaterThanOrEqual(8)
    expect(count("datatypes", "passed")).toBeGreaterThanOrEqual(12)
    for (const area of ["binary", "classification", "statistics", "config"])
      expect([area, count(area, "passed"), count(area, "failed")]).toEqual([area, 0, 0])
    console.log(`conformance: ${results.length} asked of MLServer`)
  } finally {
    await mlserver.stop()
  }
}
if (bin === undefined) test.skip(`${name} (./weir bench has not got MLServer)`, () => undefined)
else test(name, () => run(bin), WAIT_MILLIS)
