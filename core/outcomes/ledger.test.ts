// The join of predictions and what came true, whatever the order in which it comes.
import { expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { seededRandom, permutation } from "#core/statistics/seeded-random"
import { property } from "../../test/support/property.ts"
import { UNMATCHED_ROWS_MAX } from "./ledger.ts"
import { measure, measured } from "./measure.ts"
import { FIRST_AT, scoredFact, scoresLedger, tell } from "./test-scores.ts"

const all = (ledger: ReturnType<typeof scoresLedger>) => measure(ledger).groups[0]

test("an outcome is joined by id, repeated without effect, and corrected", () => {
  const ledger = scoresLedger()
  ledger.takeFact(scoredFact(1, [0.9]), 1)
  tell(ledger, "id-1", { value: 1 }, 2)
  tell(ledger, "id-1", { value: true, observed_at: 5 }, 3)
  expect(ledger.counts).toMatchObject({ messages: 2, recorded: 1, repeated: 1, corrected: 0 })
  expect(all(ledger)).toMatchObject({ rows: 1, labelled: 1, metrics: { accuracy: 1 } })
  tell(ledger, "id-1", { value: 0 }, 4)
  expect(ledger.counts.corrected).toBe(1)
  expect(all(ledger)).toMatchObject({ labelled: 1, metrics: { accuracy: 0 } })
})

test("what comes before its fact waits for it, and an unknown id stays unmatched", () => {
  const ledger = scoresLedger()
  tell(ledger, "id-1", { value: 0 }, 1)
  tell(ledger, "id-1", { value: 1 }, 2)
  tell(ledger, "nobody", { value: 1 }, 3)
  expect(ledger.unmatched).toEqual(["id-1", "nobody"])
  ledger.takeFact(scoredFact(1, [0.9]), 4)
  expect(ledger.unmatched).toEqual(["nobody"])
  expect(ledger.counts).toMatchObject({ recorded: 1, corrected: 1 })
  expect(all(ledger)?.metrics["accuracy"]).toBe(1)
})

test("rows are labelled all at once or one by one", () => {
  const ledger = scoresLedger()
  ledger.takeFact(scoredFact(1, [0.9, 0.2, 0.8]), 1)
  tell(ledger, "id-1", { values: [{ row: 2, value: 0 }] }, 2)
  expect(all(ledger)).toMatchObject({ rows: 3, labelled: 1, metrics: { accuracy: 0 } })
  tell(ledger, "id-1", { value: [1, 0, 0] }, 3)
  expect(all(ledger)).toMatchObject({ labelled: 3, metrics: { accuracy: 2 / 3 } })
  expect(ledger.counts).toMatchObject({ recorded: 2, corrected: 0 })
})

test("of two facts with one id, the position tells which is meant", () => {
  const ledger = scoresLedger()
  ledger.takeFact(scoredFact(1, [0.9]), 1)
  ledger.takeFact({ ...scoredFact(2, [0.9]), id: "id-1" }, 2)
  tell(ledger, "id-1", { value: 0, position: 1 }, 3)
  tell(ledger, "id-1", { value: 1, position: 2 }, 4)
  tell(ledger, "id-1", { value: 1, position: 9 }, 5)
  expect(all(ledger)).toMatchObject({ labelled: 2, metrics: { accuracy: 0.5 } })
  expect(ledger.unmatched).toEqual(["id-1"])
})

test("what is bad is counted by kind and changes nothing", () => {
  const ledger = scoresLedger()
  ledger.takeFact(scoredFact(1, [0.9]), 1)
  const failure = { reason: "model_error", message: "no" } as const
  const { outputs: _, ...failed } = scoredFact(2, [0.9], { failure })
  ledger.takeFact(failed, 2)
  for (const text of ["{", "null", '{"value":NaN}', "\u0000", '{"value":1,"id":"other"}'])
    tell(ledger, "id-1", text, 3)
  tell(ledger, "id-1", { value: 7 }, 4)
  tell(ledger, "id-1", { value: [1, 1] }, 4)
  tell(ledger, "id-2", { value: 1 }, 5)
  tell(ledger, "id-1", { value: 1 }, 6, FIRST_AT + 2_000_000)
  expect(ledger.counts).toEqual({
    messages: 9,
    recorded: 0,
    repeated: 0,
    corrected: 0,
    unreadable: 5,
    misfit: 2,
    failed: 1,
    late: 1,
    forgotten: 0,
  })
  expect(all(ledger)).toMatchObject({ rows: 1, labelled: 0, metrics: {} })
})

test("metrics are by version and slice, and the delay is that of the first label", () => {
  const ledger = scoresLedger()
  for (let at = 1; at <= 8; at++) {
    ledger.takeFact(scoredFact(at, [at / 10], { version: at <= 4 ? "1" : "2" }), at)
    tell(ledger, `id-${at}`, { value: at > 3 ? 1 : 0 }, 10 + at, FIRST_AT + at * 2_000)
  }
  const { groups, delayMedian } = measure(ledger)
  expect(groups.map(({ version, slice, labelled }) => [version, slice?.value, labelled])).toEqual([
    [undefined, undefined, 8],
    ["1", undefined, 4],
    ["2", undefined, 4],
    [undefined, "Bern", 4],
    [undefined, "Oslo", 4],
  ])
  expect(groups[0]?.metrics).toMatchObject({ accuracy: 6 / 8, auc: 1 })
  expect(groups[1]?.metrics["accuracy"]).toBe(3 / 4)
  expect(delayMedian).toBe(5_000)
})

test("windows end by rows, and are let go behind the horizon and above the limit", () => {
  const ledger = scoresLedger({ factsMax: 25 })
  for (let at = 1; at <= 35; at++) ledger.takeFact(scoredFact(at, [0.9]), at)
  expect(ledger.windows.map(({ number, range }) => [number, range.from, range.rows])).toEqual([
    [2, 11, 10],
    [3, 21, 10],
    [4, 31, 5],
  ])
  tell(ledger, "id-3", { value: 1 }, 40)
  expect(ledger.unmatched).toEqual(["id-3"])
  ledger.retire(FIRST_AT + 20_000 + 1_000_001)
  expect(ledger.windows.map(({ number }) => number)).toEqual([3, 4])
})

test("outcomes of ids that never come are let go, the oldest first, whatever is sent", () => {
  const ledger = scoresLedger()
  const value = Array.from({ length: UNMATCHED_ROWS_MAX / 10 }, () => 1)
  for (let at = 0; at < 11; at++) tell(ledger, `nobody-${at}`, { value }, at)
  expect(ledger.unmatched).toEqual(Array.from({ length: 10 }, (_, at) => `nobody-${at + 1}`))
  expect(ledger.counts.forgotten).toBe(1)
  for (let at = 0; at < 20_000; at++) tell(ledger, "nobody-10", { value: 1 }, 100 + at)
  expect(ledger.unmatched.at(-1)).toBe("nobody-10")
})

interface Message {
  readonly subject: string
  readonly take: (ledger: ReturnType<typeof scoresLedger>, position: number) => void
}

/** Facts in their order; outcomes of each id in theirs, anywhere between them. */
const interleaved = (seed: number): ReadonlyArray<Message> => {
  const facts = Array.from({ length: 30 }, (_, at): Message => ({
    subject: "facts",
    take: (ledger) => ledger.takeFact(scoredFact(at, [at / 30, 1 - at / 30]), at + 1),
  }))
  const outcomes = [0, 1].flatMap((turn) =>
    Array.from({ length: 30 }, (_, at): Message => ({
      subject: `id-${at}`,
      take: (ledger, position) =>
        tell(ledger, `id-${at}`, { value: [(at + turn) % 2, at % 3 === 0 ? 1 : 0] }, position),
    })),
  )
  const messages = [...facts, ...outcomes]
  const random = seededRandom(seed)
  const order = permutation(messages.length, random)
  const queues = Map.groupBy(messages, ({ subject }) => subject)
  return [...order].flatMap((at) => queues.get(messages[at]?.subject ?? "")?.shift() ?? [])
}

property(
  "the order between facts and outcomes does not matter",
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  (seed) => {
    const result = (some: number) => {
      const ledger = scoresLedger()
      interleaved(some).forEach((message) => message.take(ledger, 100))
      return ledger.windows.map((window) => measured(ledger, "scores", window, 0))
    }
    expect(result(seed)).toEqual(result(1))
  },
  { runs: 30 },
)
