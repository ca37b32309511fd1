// The memory of the parts over time, as the system counts it.
import { residentBytes } from "./measures.ts"

const LOOK_AGAIN_MILLIS = 250
const MIB = 1024 ** 2

export interface Memory {
  readonly name: string
  /** MiB: at the first look, the most at any, and at the last. */
  readonly first: number
  readonly most: number
  readonly last: number
}

export interface WatchedPart {
  readonly name: string
  readonly pid: () => number | undefined
}

/** Looks at each part until the function that it returns is called, which tells what was seen. */
export const watchMemory = (
  parts: ReadonlyArray<WatchedPart>,
): (() => Promise<ReadonlyArray<Memory>>) => {
  const seen = parts.map(({ name }) => ({ name, values: Array.of<number>() }))
  const look = async () => {
    for (const [at, { pid }] of parts.entries()) {
      const process = pid()
      const bytes = process === undefined ? 0 : await residentBytes(process)
      if (bytes > 0) seen[at]?.values.push(bytes / MIB)
    }
  }
  const state = { over: false }
  const watching = (async () => {
    while (!state.over) {
      await look()
      await Bun.sleep(LOOK_AGAIN_MILLIS)
    }
  })()
  return async () => {
    state.over = true
    await watching
    await look()
    return seen.map(({ name, values }) => ({
      name,
      first: values[0] ?? 0,
      most: Math.max(0, ...values),
      last: values.at(-1) ?? 0,
    }))
  }
}
