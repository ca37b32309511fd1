// Gaps as findings, on a real server.
import { afterAll, expect, test } from "bun:test"
import { openTestLog } from "../../test/support/open-log.ts"
import { FINDINGS } from "../../proto/subjects.ts"
import { HISTORY_GAP_SUBJECT, historyGapCodec } from "../../proto/history-gap.ts"
import { readRange } from "./follow.ts"
import { recordGaps } from "./gap-findings.ts"

const one = await openTestLog()
afterAll(() => one.stop())

const findings = async () => {
  const found: Array<readonly [number, number]> = []
  const range = { stream: FINDINGS, from: 1, to: Infinity, filter: HISTORY_GAP_SUBJECT }
  for await (const { data } of readRange(one.log, range)) {
    const { fromPosition, toPosition } = historyGapCodec.decode(data)
    found.push([fromPosition, toPosition])
  }
  return found
}

test("each gap is kept once, also when two see it at the same time", async () => {
  const first = { fromPosition: 5, toPosition: 9 }
  const second = { fromPosition: 20, toPosition: 20 }
  expect(await recordGaps(one.log, [], () => 1)).toBe(0)
  await Promise.all([
    recordGaps(one.log, [first], () => 1),
    recordGaps(one.log, [first], () => 2),
    recordGaps(one.log, [first, second], () => 3),
  ])
  expect(await findings()).toEqual([
    [5, 9],
    [20, 20],
  ])
  // The long log has dropped the beginning of the first gap meanwhile: it is still the same one.
  expect(await recordGaps(one.log, [{ fromPosition: 8, toPosition: 9 }, second], () => 4)).toBe(0)
})
