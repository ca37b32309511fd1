// What a caller is told when the log is away or full.
import { refuse, type Refusal } from "../http/status.ts"

const RETRY_AFTER_SECONDS = 2

export const logRefusal = (error: "storeFull" | "logUnavailable", message: string): Refusal =>
  refuse(error, message, { retryAfterSeconds: RETRY_AFTER_SECONDS })

/** `reason` is what the log said last, "" where it said nothing. */
export const notTaken = (reason: string): string =>
  reason === ""
    ? "the log has not said whether it took the request: ask for it by its id"
    : `the log did not take the request: ${reason}`
