// Three months of real flights through predictor and monitor, one window a month by marks.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { parseFlights, type Flight } from "../examples/flights/flights.ts"
import { encodeTexts } from "../core/inference/string-elements.ts"
import { setMark } from "../core/findings/marks.ts"
import type { Log } from "../core/log/log.ts"
import { requestCodec } from "../proto/request.ts"
import { PREDICTIONS, requestSubject } from "../proto/subjects.ts"
import { until } from "../test/support/eventually.ts"
import { startService } from "../test/support/service.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../test/support/system.ts"
import { findingsOf } from "./test-facts.ts"

const CSV = join(import.meta.dir, "../examples/flights/flights.csv")
const CONFIG = `
models:
  flights:
    window: { marks: true }
    reference: { window: first }
    alpha: 0.01
    effect: 0.03
    persistence: { hits: 1, of: 1, clear: 1 }
`
const ROWS_A_REQUEST = 50

const request = (flights: ReadonlyArray<Flight>): Uint8Array => {
  const n = flights.length
  const wide = (name: string, values: ReadonlyArray<number>) => {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    return { name, datatype: "INT64", shape: [n, 1], data } as const
  }
  const texts = (name: string, values: ReadonlyArray<string>) =>
    ({ name, datatype: "BYTES", shape: [n, 1], data: encodeTexts(values) }) as const
  const distances = Float32Array.from(flights, ({ distance }) => distance)
  return requestCodec.encode({
    inputs: [
      {
        name: "distance",
        datatype: "FP32",
        shape: [n, 1],
        data: new Uint8Array(distances.buffer),
      },
      wide(
        "hour",
        flights.map(({ hour }) => hour),
      ),
      wide(
        "weekday",
        flights.map(({ weekday }) => weekday),
      ),
      texts(
        "origin",
        flights.map(({ origin }) => origin),
      ),
      texts(
        "destination",
        flights.map(({ destination }) => destination),
      ),
    ],
  })
}

const factsOf = async (log: Log): Promise<number> =>
  (await log.manager.streams.info(PREDICTIONS)).state.messages

test("distances of February and March are as those of January", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-drift-"))
  const config = join(folder, "drift.yaml")
  writeFileSync(config, CONFIG)
  const system = await startSystem()
  try {
    await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
    const predictor = await system.predictor()
    const environment = { ...system.environment, DRIFT_CONFIG: config }
    const monitor = await startService("drift-monitor", environment)
    const flights = parseFlights(await Bun.file(CSV).text())
    for (const month of ["2001-01", "2001-02", "2001-03"]) {
      const own = flights.filter(({ date }) => date.startsWith(month))
      const requests = Math.ceil(own.length / ROWS_A_REQUEST)
      const before = await factsOf(system.log)
      for (let at = 0; at < requests; at++) {
        const rows = own.slice(at * ROWS_A_REQUEST, (at + 1) * ROWS_A_REQUEST)
        const subject = requestSubject("flights", `${month}-${at}`)
        await system.log.publisher.publish(subject, request(rows))
      }
      await until(
        "every request has its fact",
        async () => (await factsOf(system.log)) === before + requests,
      )
      await setMark(system.log, "flights", month, Date.now())
    }
    const windows = await until("two windows", async () => {
      const all = (await findingsOf(system.log, "flights")).windows
      const evaluated = all.filter((one) => one._tag === "WindowEvaluated")
      return evaluated.length === 2 && evaluated
    })
    expect(windows.map(({ window }) => window.rows)).toEqual(
      ["2001-02", "2001-03"].map(
        (month) => flights.filter(({ date }) => date.startsWith(month)).length,
      ),
    )
    for (const { tests } of windows) {
      const distance = tests.find(({ feature }) => feature === "distance")
      expect(distance).toMatchObject({ test: "ks-asymptotic", drifted: false })
      expect(distance?.effect).toBeLessThan(0.03)
    }
    await monitor.stop()
    await predictor.stop()
  } finally {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
