// Importing a directory again whenever it changes. The file system's notices only make it look
// sooner; what counts is the regular look, since notices are lost on network volumes. A change that
// is still going on is waited for.
import { watch } from "node:fs"
import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import { importDirectory, type ImportDependencies, type ImportReport } from "./import.ts"

/** A file that is being copied has another size or time after this. */
const SETTLE_MILLIS = 500
/** Below the directory: models, versions, files. */
const DEPTH_MAX = 3

export interface WatchOptions {
  /** Longest time between two looks. */
  readonly intervalMillis: number
  readonly onReport: (report: ImportReport) => void
  /** An import failed for a reason that may pass; it is tried again after the interval. */
  readonly onFailure: (cause: unknown) => void
}

export interface Watching {
  /** Resolves when an import under way has ended. */
  readonly close: () => Promise<void>
}

/** Changes whenever a file below the directory does: names, sizes, times, in order. */
const fingerprint = async (directory: string, depth = DEPTH_MAX): Promise<string> => {
  const names = await readdir(directory).catch(() => [])
  const lines: Array<string> = []
  for (const name of names.toSorted()) {
    const path = join(directory, name)
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined) continue
    if (found.isDirectory()) {
      lines.push(`${path}/`)
      if (depth > 1) lines.push(await fingerprint(path, depth - 1))
    } else lines.push(`${path} ${found.size} ${found.mtimeMs} ${found.ino}`)
  }
  return lines.join("\n")
}

class DirectoryWatch {
  readonly #deps: ImportDependencies
  readonly #directory: string
  readonly #options: WatchOptions
  #closed = false
  #wake: (() => void) | undefined

  constructor(deps: ImportDependencies, directory: string, options: WatchOptions) {
    this.#deps = deps
    this.#directory = directory
    this.#options = options
  }

  notice(): void {
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  async run(): Promise<void> {
    const settleMillis = Math.min(SETTLE_MILLIS, this.#options.intervalMillis)
    let imported: string | undefined
    let seen: string | undefined
    for (let first = true; !this.#closed; first = false) {
      const found = await fingerprint(this.#directory)
      const changed = found !== imported
      const settled = found === seen || first
      seen = found
      if (changed && settled && (await this.#import())) imported = found
      // While files change, only the clock counts: their notices come in swarms.
      if (changed && !settled) await this.#wait(settleMillis, false)
      else await this.#wait(this.#options.intervalMillis, !changed || found === imported)
    }
  }

  async #import(): Promise<boolean> {
    try {
      this.#options.onReport(await importDirectory(this.#deps, this.#directory))
      return true
    } catch (cause) {
      this.#options.onFailure(cause)
      return false
    }
  }

  async #wait(millis: number, noticed: boolean): Promise<void> {
    if (this.#closed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, millis)
    this.#wake = () => {
      if (noticed || this.#closed) resolve()
    }
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }
}

/** Imports the directory now, and again after each change to it. */
export const watchDirectory = (
  deps: ImportDependencies,
  directory: string,
  options: WatchOptions,
): Watching => {
  const watching = new DirectoryWatch(deps, directory, options)
  const notices = noticesOf(directory, () => watching.notice())
  const running = watching.run()
  return {
    close: async () => {
      notices?.close()
      watching.close()
      await running
    },
  }
}

/** `undefined` where the file system gives none: the regular looks do without. */
const noticesOf = (directory: string, onNotice: () => void) => {
  try {
    return watch(directory, { recursive: true }, onNotice).on("error", () => undefined)
  } catch {
    return undefined
  }
}
