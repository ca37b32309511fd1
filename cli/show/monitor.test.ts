import { expect, test } from "bun:test"
import { runKilledMonitor } from "./monitor.ts"

test("a monitor that is killed finds and reports what an undisturbed one does", async () => {
  const options = { windows: 30, kills: 3, seed: 7, say: () => undefined }
  const { broken, calm, troubled } = await runKilledMonitor(options)
  expect(broken).toEqual([])
  expect(calm.drift.length).toBeGreaterThan(1)
  expect(new Set(troubled.alerts).size).toBe(calm.drift.length)
}, 240_000)
