// Progress of long work: one line on standard error that is written over, and only where that is a
// terminal.

/** Often enough to look alive, rarely enough to cost nothing. */
const REFRESH_MILLIS = 100
const CLEAR_LINE = "\r\u001b[K"

export interface Progress {
  readonly show: (text: string) => void
  /** Takes the line away. */
  readonly end: () => void
}

const isTerminal = (): boolean => process.stderr.isTTY === true

export const startProgress = (): Progress => {
  if (!isTerminal()) return { show: () => undefined, end: () => undefined }
  let shownAt = -REFRESH_MILLIS
  return {
    show: (text) => {
      const now = performance.now()
      if (now - shownAt < REFRESH_MILLIS) return
      shownAt = now
      process.stderr.write(`${CLEAR_LINE}${text}`)
    },
    end: () => {
      if (shownAt >= 0) process.stderr.write(CLEAR_LINE)
    },
  }
}
