// Gaps are found by arithmetic on positions and sequences, whatever was lost on the way and
// whatever was erased later.
import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { headers as natsHeaders } from "nats"
import { property } from "../../test/support/property.ts"
import { STREAM_SOURCE } from "../../proto/headers.ts"
import { findGaps, readSource, type EntryAt, type HistoryEntry } from "./history.ts"

const at =
  (entries: ReadonlyArray<HistoryEntry>): EntryAt =>
  async (sequence) =>
    entries.find((entry) => entry.sequence >= sequence)

const find = async (entries: ReadonlyArray<HistoryEntry>) => {
  const [low, high] = [entries[0], entries.at(-1)]
  return low === undefined || high === undefined ? [] : findGaps(at(entries), low, high)
}

/**
 * What happened to one fact: it was copied and is held, copied and erased later, or never copied.
 */
const Fate = Schema.Literals(["held", "held", "held", "erased", "lost"])
const fates = Arbitrary.schema(Schema.Array(Fate).check(Schema.isMaxLength(60)))

const history = (all: ReadonlyArray<typeof Fate.Type>): ReadonlyArray<HistoryEntry> => {
  const copied = all.flatMap((fate, index) => (fate === "lost" ? [] : [{ fate, index }]))
  return copied.flatMap(({ fate, index }, place) =>
    fate === "held" ? [{ sequence: place + 1, position: index + 1 }] : [],
  )
}

describe("gaps", () => {
  test("are none where copies follow each other", async () => {
    const entries = [1, 2, 3, 4].map((sequence) => ({ sequence, position: sequence + 10 }))
    expect(await find(entries)).toEqual([])
    expect(await find(entries.slice(0, 1))).toEqual([])
  })

  test("are each named with both ends", async () => {
    const positions = [1, 2, 5, 6, 7, 20]
    const entries = positions.map((position, index) => ({ sequence: index + 1, position }))
    expect(await find(entries)).toEqual([
      { fromPosition: 3, toPosition: 4 },
      { fromPosition: 8, toPosition: 19 },
    ])
  })

  test("before a run of erased messages are found too", async () => {
    const entries = [
      { sequence: 1, position: 1 },
      { sequence: 2, position: 5 },
      { sequence: 10, position: 13 },
    ]
    expect(await find(entries)).toEqual([{ fromPosition: 2, toPosition: 4 }])
  })

  test("among erased messages are counted right, though not where exactly they lay", async () => {
    const entries = [
      { sequence: 1, position: 1 },
      { sequence: 4, position: 9 },
    ]
    expect(await find(entries)).toEqual([{ fromPosition: 4, toPosition: 8 }])
  })

  test("in a long log take few look-ups", async () => {
    let asked = 0
    const size = 1_000_000
    const lostAt = 777_777
    const entry = (sequence: number) => ({
      sequence,
      position: sequence > lostAt ? sequence + 500 : sequence,
    })
    const lookUp: EntryAt = async (sequence) => {
      asked++
      return entry(sequence)
    }
    expect(await findGaps(lookUp, entry(1), entry(size))).toEqual([
      { fromPosition: lostAt + 1, toPosition: lostAt + 500 },
    ])
    expect(asked).toBeLessThan(50)
  })
})

const checked: Array<Promise<void>> = []
property(
  "gaps add up to what was lost between the first and the last that is held",
  fates,
  (all) => {
    const entries = history(all)
    const [first, last] = [entries[0], entries.at(-1)]
    if (first === undefined || last === undefined) return
    const lost = all
      .slice(first.position - 1, last.position)
      .filter((fate) => fate === "lost").length
    checked.push(
      find(entries).then((gaps) => {
        const found = gaps.reduce(
          (sum, { fromPosition, toPosition }) => sum + toPosition - fromPosition + 1,
          0,
        )
        expect({ all, found }).toEqual({ all, found: lost })
        // Nothing that is held lies in a gap, and they do not overlap.
        for (const { fromPosition, toPosition } of gaps) {
          expect(fromPosition).toBeLessThanOrEqual(toPosition)
          expect(
            entries.filter(({ position }) => position >= fromPosition && position <= toPosition),
          ).toEqual([])
        }
      }),
    )
  },
)
test("as the generated histories show", async () => {
  expect(checked.length).toBeGreaterThan(100)
  await Promise.all(checked)
})

test("the source of a copy is read from the last such header, and from nothing else", () => {
  const headers = natsHeaders()
  const source = (text: string) => {
    headers.append(STREAM_SOURCE, text)
    return readSource(headers)
  }
  const subject = "weir.prediction.m.id"
  expect(source(`PREDICTIONS 7 a,b c,d ${subject}`)).toEqual({ position: 7, subject })
  expect(source("OTHER 7 a b c")).toBeUndefined()
  expect(source("PREDICTIONS x a b c")).toBeUndefined()
  expect(source("PREDICTIONS 7")).toBeUndefined()
  expect(source(`PREDICTIONS 9 a b ${subject}`)).toEqual({ position: 9, subject })
  expect(readSource(undefined)).toBeUndefined()
})
