// Waiting for a state that nothing announces, such as a figure that only the server knows. Wait on
// an event where there is one.

const CHECK_AGAIN_MILLIS = 10
/** Long for one state, short for a suite: what is not so by then will not be. */
const DEADLINE_MILLIS = 20_000

/**
 * Resolves with what `check` gives as soon as that is neither `undefined` nor `false`; a check that
 * throws counts as not yet.
 */
export const until = async <A>(
  what: string,
  check: () => A | undefined | false | Promise<A | undefined | false>,
  deadlineMillis: number = DEADLINE_MILLIS,
): Promise<A> => {
  const deadline = performance.now() + deadlineMillis
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const found = await check()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, CHECK_AGAIN_MILLIS))
  }
  throw new Error(`${what}: not so after ${deadlineMillis} ms`, { cause: last })
}
