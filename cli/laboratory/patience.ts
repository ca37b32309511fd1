// Waiting for a state that nothing announces, such as a figure that only the server knows.

const LOOK_AGAIN_MILLIS = 50

/**
 * Looks again until `check` gives a value, or the time is over; what it throws counts as not yet.
 */
export const eventually = async <A>(
  check: () => A | undefined | Promise<A | undefined>,
  waitMillis: number,
  lookAgainMillis: number = LOOK_AGAIN_MILLIS,
): Promise<A | undefined> => {
  const deadline = performance.now() + waitMillis
  for (;;) {
    const found = await Promise.resolve()
      .then(check)
      .catch(() => undefined)
    if (found !== undefined || performance.now() > deadline) return found
    await Bun.sleep(lookAgainMillis)
  }
}
