// How a demonstration says what it found: a table of figures, and a last line that says whether
// they hold.

export type Figures = ReadonlyArray<readonly [name: string, value: string | number]>

const NAME_WIDTH = 52

export const figuresText = (figures: Figures, broken: ReadonlyArray<string>): string => {
  const table = figures.map(([name, value]) => `  ${name.padEnd(NAME_WIDTH)} ${value}`)
  const verdict = broken.length === 0 ? "every promise held" : `BROKEN: ${broken.join("; ")}`
  return [...table, verdict].join("\n")
}

/** Nothing where `count` is what it should be, else a sentence for the verdict. */
export const expected = (count: number, wanted: number, what: string): ReadonlyArray<string> =>
  count === wanted ? [] : [`${count} ${what}${wanted === 0 ? "" : `, not ${wanted}`}`]

/** The share `part` (0 to 1) of the smallest values ends here; 0 where there are none. */
export const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))
  return sorted[at] ?? 0
}

/** How often each value came, most frequent first, as "200 1234, 429 17". */
export const tally = (values: Iterable<string | number>): string => {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([value, count]) => `${value} ${count}`)
    .join(", ")
}
