// Lets serving go first: on a machine without a free core, a process that only observes gets what
// the others leave.
import { readdirSync, readlinkSync } from "node:fs"
import { constants, setPriority } from "node:os"

/** Linux has a priority for each thread; elsewhere it is the whole process's, and is left. */
const THREADS = "/proc/self/task"
const THREAD = "/proc/thread-self"

const lowered = (threads: ReadonlyArray<number>, priority: number): boolean => {
  try {
    for (const thread of threads) setPriority(thread, priority)
    return true
  } catch {
    return false
  }
}

const listed = (read: () => ReadonlyArray<string>): ReadonlyArray<number> => {
  try {
    return read().map(Number)
  } catch {
    return []
  }
}

/**
 * Puts every thread that this process has behind those of others; what they start later inherits
 * it. Not at the lowest priority: where all cores are busy, the log is still read and its server
 * still answered. False where it could not be done.
 */
export const yieldToOthers = (): boolean => {
  const threads = listed(() => readdirSync(THREADS))
  return threads.length > 0 && lowered(threads, constants.priority.PRIORITY_BELOW_NORMAL)
}

/** Puts this thread behind all others, those of this process included; answers its number. */
export const yieldToAll = (): number | undefined => {
  const threads = listed(() => [readlinkSync(THREAD).split("/").at(-1) ?? ""])
  return lowered(threads, constants.priority.PRIORITY_LOW) ? threads[0] : undefined
}
