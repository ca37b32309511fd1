// Lets serving go first: on a machine without a free core, the thread that tests windows gets what
// the others leave. Only this thread, so that reading the log and its acks are never late.
import { readlinkSync } from "node:fs"
import { constants, setPriority } from "node:os"

/** Linux names the thread that asks; elsewhere a priority is the whole process's, and is left. */
const THREAD = "/proc/thread-self"

/** Answers the thread whose priority is lower now; undefined where it could not be made so. */
export const yieldToOthers = (): number | undefined => {
  try {
    const thread = Number(readlinkSync(THREAD).split("/").at(-1))
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL)
    return thread
  } catch {
    return undefined
  }
}
