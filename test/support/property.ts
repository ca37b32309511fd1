// Property tests: a sentence, generated values, and what must hold for each. A failure prints the
// smallest value found and a token to replay it.
import { test } from "bun:test"
import { Arbitrary, Effect } from "effect"

export const property = <A>(
  sentence: string,
  arbitrary: Arbitrary.Arbitrary<A>,
  holds: (value: A) => boolean | void,
  options: Arbitrary.CheckOptions = {},
): void =>
  test(sentence, async () => {
    const result = await Effect.runPromise(
      Arbitrary.checkEffect(arbitrary, (value) => attempt(holds, value), {
        runs: 300,
        ...options,
      }),
    )
    const failure = Arbitrary.formatCheckFailure(result)
    if (failure !== undefined) throw new Error(failure)
  })

/** An expectation that throws is a property that does not hold. */
const attempt = <A>(holds: (value: A) => boolean | void, value: A) =>
  Effect.try({ try: () => holds(value) !== false, catch: (cause) => cause })
