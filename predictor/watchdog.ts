// A thread that ends the process when its main thread stands still in a run: only another thread
// can tell, and only a new process can go on.

/** How often the main thread shows that it is alive. */
export const SIGN_MILLIS = 250

/** What the thread is told when it begins; `signs` is one counter that the main thread advances. */
export interface WatchdogTask {
  readonly signs: SharedArrayBuffer
  readonly limitMillis: number
}

export interface Watchdog {
  readonly stop: () => void
}

/** Watches the thread that calls it: one that stands still for `limitMillis` ends the process. */
export const startWatchdog = (limitMillis: number): Watchdog => {
  const signs = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const counter = new Int32Array(signs)
  const worker = new Worker(new URL("./watchdog-thread.ts", import.meta.url).href)
  worker.postMessage({ signs, limitMillis } satisfies WatchdogTask)
  const timer = setInterval(() => Atomics.add(counter, 0, 1), SIGN_MILLIS)
  return {
    stop: () => {
      clearInterval(timer)
      worker.terminate()
    },
  }
}
