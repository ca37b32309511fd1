// Entry point of the watchdog's thread. Time in which this thread did not run either (a stopped
// process, a machine without cores to spare) is not held against the main thread.
import { writeSync } from "node:fs"
import { endNow } from "./end-now.ts"
import { SIGN_MILLIS, type WatchdogTask } from "./watchdog.ts"

declare const self: Worker

/** Late by so much, this thread was not scheduled itself. */
const LATE_MILLIS = 4 * SIGN_MILLIS
const STANDARD_ERROR = 2

const sayAndEnd = (limitMillis: number): void => {
  const message = "the main thread stood still in a run: this process ends, to be started again"
  const time = new Date().toISOString()
  const line = { level: "error", time, service: "predictor", message, runMaxMillis: limitMillis }
  try {
    writeSync(STANDARD_ERROR, `${JSON.stringify(line)}\n`)
  } finally {
    endNow()
  }
}

self.onmessage = ({ data }: MessageEvent<WatchdogTask>) => {
  const counter = new Int32Array(data.signs)
  let seen = Atomics.load(counter, 0)
  let since = performance.now()
  let before = since
  setInterval(() => {
    const now = performance.now()
    const sign = Atomics.load(counter, 0)
    if (sign !== seen || now - before > LATE_MILLIS) since = now
    seen = sign
    before = now
    if (now - since >= data.limitMillis) sayAndEnd(data.limitMillis)
  }, SIGN_MILLIS)
}
