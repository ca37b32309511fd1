// Whoever reads what a command prints, and whether it has gone. It asks the system only about
// standard output.
import { dlopen, FFIType, ptr } from "bun:ffi"

/** How long a reader may be gone before a command that has nothing to say notices. */
const LOOK_AGAIN_MILLIS = 500
const STDOUT = 1
const POLL_ERROR = 0x8

/**
 * Whether nobody reads standard output any more; undefined where the system cannot be asked.
 * Only a write or poll(2) tells, and Bun has no poll of its own for what it does not write.
 */
const openLook = (): (() => boolean) | undefined => {
  try {
    const library = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
      poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    })
    // struct pollfd: int fd, short events, short revents.
    const asked = new DataView(new ArrayBuffer(8))
    const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
    return () => {
      asked.setInt32(0, STDOUT, isLittle)
      asked.setInt16(4, 0, isLittle)
      asked.setInt16(6, 0, isLittle)
      const answered = library.symbols.poll(ptr(asked.buffer), 1, 0)
      return answered > 0 && (asked.getInt16(6, isLittle) & POLL_ERROR) !== 0
    }
  } catch {
    return undefined
  }
}

/** Calls back once when nobody reads standard output any more; keeps no process running. */
export const whenReaderGoes = (gone: () => void): void => {
  // console.log tells of a failed write to nobody; process.stdout.write does.
  process.stdout.on("error", gone)
  const isGone = openLook()
  if (isGone === undefined) return
  const looking = setInterval(() => {
    if (!isGone()) return
    clearInterval(looking)
    gone()
  }, LOOK_AGAIN_MILLIS)
  looking.unref()
}

/** Prints a line and resolves when it is written, or could not be because nobody reads. */
export const printLine = (line: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve())
  })
