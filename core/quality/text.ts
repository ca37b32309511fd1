// Expectations about the text of values: patterns and lengths. A number is judged by the text that
// Python writes for it.
import { Schema } from "effect"
import { define, valueCheck, type Family } from "./check.ts"
import { Flag, KwargsRefused, mapColumn, NumberBound, Text, TextList } from "./kwargs.ts"
import { isWithin, intervalOf } from "./interval.ts"
import { PatternRefused, pythonRegex, type Pattern } from "./python-regex.ts"
import { pythonText } from "./table.ts"

const patternOf = (pattern: string): Pattern => {
  try {
    return pythonRegex(pattern)
  } catch (error) {
    if (error instanceof PatternRefused) throw new KwargsRefused(error.message)
    throw error
  }
}

const matching = (metric: string, isWanted: boolean) =>
  define({ ...mapColumn, regex: Text }, (kwargs) => {
    const pattern = patternOf(kwargs.regex)
    return valueCheck(
      metric,
      kwargs,
      (type) => (cell) => pattern.test(pythonText(cell, type)) === isWanted,
    )
  })

const MatchOn = Schema.optionalKey(Schema.NullOr(Schema.Literals(["any", "all"])))

const patternList = (patterns: ReadonlyArray<string>): ReadonlyArray<Pattern> => {
  if (patterns.length === 0) throw new KwargsRefused("regex_list must not be empty")
  return patterns.map(patternOf)
}

const matchingList = define({ ...mapColumn, regex_list: TextList, match_on: MatchOn }, (kwargs) => {
  const patterns = patternList(kwargs.regex_list)
  return valueCheck("column_values.match_regex_list", kwargs, (type) => (cell) => {
    const text = pythonText(cell, type)
    return kwargs.match_on === "all"
      ? patterns.every((pattern) => pattern.test(text))
      : patterns.some((pattern) => pattern.test(text))
  })
})

const notMatchingList = define({ ...mapColumn, regex_list: TextList }, (kwargs) => {
  const patterns = patternList(kwargs.regex_list)
  return valueCheck("column_values.not_match_regex_list", kwargs, (type) => (cell) => {
    const text = pythonText(cell, type)
    return !patterns.some((pattern) => pattern.test(text))
  })
})

/** Characters, as Python counts them: a pair of surrogates is one. */
const lengthOf = (text: string): number => {
  let length = text.length
  for (let i = 1; i < text.length; i++) {
    const isPair =
      (text.charCodeAt(i - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(i) & 0xfc00) === 0xdc00
    if (isPair) length -= 1
  }
  return length
}

const LENGTH = "column_values.value_length"

const lengthsBetween = define(
  {
    ...mapColumn,
    min_value: NumberBound,
    max_value: NumberBound,
    strict_min: Flag,
    strict_max: Flag,
  },
  (kwargs) => {
    const interval = intervalOf(kwargs)
    if (interval.min === undefined && interval.max === undefined)
      throw new KwargsRefused("min_value and max_value cannot both be None")
    const metric = `${LENGTH}.between`
    return valueCheck(
      metric,
      kwargs,
      (type) => (cell) => isWithin(lengthOf(pythonText(cell, type)), interval, metric),
    )
  },
)

const lengthsEqual = define({ ...mapColumn, value: Schema.Finite }, (kwargs) =>
  valueCheck(
    `${LENGTH}.equals`,
    kwargs,
    (type) => (cell) => lengthOf(pythonText(cell, type)) === kwargs.value,
  ),
)

export const textFamily: Family = {
  expect_column_values_to_match_regex: matching("column_values.match_regex", true),
  expect_column_values_to_not_match_regex: matching("column_values.not_match_regex", false),
  expect_column_values_to_match_regex_list: matchingList,
  expect_column_values_to_not_match_regex_list: notMatchingList,
  expect_column_value_lengths_to_be_between: lengthsBetween,
  expect_column_value_lengths_to_equal: lengthsEqual,
}
