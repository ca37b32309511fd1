// A fault that makes a thousand lines a second writes a few, and says how many it did not.
import { expect, test } from "bun:test"
import { LimitedLog } from "./limited-log.ts"
import { makeLogger } from "./logger.ts"

const collect = () => {
  const lines: Array<Record<string, unknown>> = []
  const clock = { millis: 0 }
  const logger = makeLogger({
    service: "test",
    level: "info",
    format: "json",
    now: () => 0,
    write: (line) => void lines.push(JSON.parse(line)),
  })
  return { lines, clock, log: new LimitedLog(logger, 3, () => clock.millis) }
}

test("so many lines a second are written, the others are counted with the next one", () => {
  const { lines, clock, log } = collect()
  for (let line = 0; line < 100; line++) log.say("warn", "failed", { line })
  expect(lines.map(({ line }) => line)).toEqual([0, 1, 2])
  clock.millis = 999
  log.say("warn", "failed", {})
  expect(lines.length).toBe(3)
  clock.millis = 1_000
  log.say("warn", "failed", {})
  log.say("warn", "failed", {})
  expect(lines.slice(3).map(({ suppressed }) => suppressed)).toEqual([98, undefined])
})
