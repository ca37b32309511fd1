// Questions to predictors and their answers are read back as they were written.
import { expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { UnreadableRecord } from "./message-pack.ts"
import * as questions from "./questions.ts"
import { priorityOf } from "./serving-config.ts"

const readBack = <A, I>(
  schema: Schema.Codec<A, I>,
  codec: { encode: (value: A) => Uint8Array; decode: (bytes: Uint8Array) => A },
  name: string,
) =>
  property(`${name} is read back as it was written`, Arbitrary.schema(schema), (value) => {
    const again = codec.decode(codec.encode(value))
    expect(JSON.stringify(again)).toBe(JSON.stringify(value))
  })

readBack(questions.StatisticsQuestion, questions.statisticsQuestion, "a question of statistics")
readBack(questions.StatisticsAnswer, questions.statisticsAnswer, "an answer of statistics")
readBack(questions.HoldQuestion, questions.holdQuestion, "a question to hold a version")
readBack(questions.HoldAnswer, questions.holdAnswer, "an answer to it")

test("what is no question is refused", () => {
  for (const { decode } of [questions.statisticsAnswer, questions.holdQuestion])
    for (const text of ["", "[]", "{}", '{"format":2}', '{"format":1,"model":"a b"}'])
      expect(() => decode(Buffer.from(text))).toThrow(UnreadableRecord)
})

test("a priority that there is not counts as the default, and as the lowest without one", () => {
  expect(
    [undefined, 0, 1, 3, 4, 1.5, "2", true].map((one) => priorityOf({ priorityLevels: 3 }, one)),
  ).toEqual([3, 3, 1, 3, 3, 3, 2, 1])
  expect(priorityOf({ priorityLevels: 3, defaultPriority: 2 }, 9)).toBe(2)
  expect(priorityOf({}, 1)).toBe(0)
  expect(priorityOf(undefined, 1)).toBe(0)
})
