// Randomness of tests, the same in every run.
import { seededRandom } from "../core/statistics/seeded-random.ts"

/** The same elements in a random order. */
export const shuffled = <A>(items: ReadonlyArray<A>, seed: number): ReadonlyArray<A> => {
  const random = seededRandom(seed)
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
