import { expect, test } from "bun:test"
import { requestSubject } from "#proto/subjects"
import { openTestLog } from "../../test/support/open-log.ts"
import { unleash, type Struck } from "./nemesis.ts"
import { lookAtQueue } from "./queue.ts"

/** Longer than a part takes to come back. */
const WORK_LATE_MILLIS = 700

test("a fault waits for work to hit, however late it comes", async () => {
  const { log, stop } = await openTestLog()
  try {
    const struck: Array<Struck> = []
    const unleashed = unleash({
      log,
      faults: [{ kind: "nothing", strike: () => Promise.resolve(true) }],
      answered: () => 0,
      waiting: () => 7,
      spacing: 0,
      random: () => 0,
      onStruck: (one) => struck.push(one),
    })
    const began = performance.now()
    while (performance.now() < began + WORK_LATE_MILLIS)
      expect((await lookAtQueue(log)).pending).toBe(0)
    expect(struck).toEqual([])
    await log.connection.request(requestSubject("flights", "one"), "work")
    expect(await unleashed).toEqual([{ kind: "nothing", queued: 1, waiting: 7 }])
    expect(struck.length).toBe(1)
  } finally {
    await stop()
  }
})
