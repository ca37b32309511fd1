import { expect, test } from "bun:test"
import { runGate } from "./gate.ts"

const TEST_MILLIS = 120_000

test(
  "the gate refuses exactly the bad rows, and nothing is stored of them",
  async () => {
    const { broken, answers } = await runGate(400)
    expect(broken).toEqual([])
    expect(answers.filter(({ status }) => status === 422).length).toBeGreaterThan(10)
  },
  TEST_MILLIS,
)
