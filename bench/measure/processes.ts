// What processes use, from /proc: memory, CPU and open files of each with everything that it
// started. Elsewhere than on Linux there is nothing to read, and it says so.
import { readdirSync, readFileSync } from "node:fs"

const KIB = 1_024
/** USER_HZ, which Linux fixes at 100 for what it shows to programs. */
const TICK_MICROS = 10_000

export const canMeasure: boolean = process.platform === "linux"
export const CANNOT_MEASURE = "no /proc here: memory and CPU are measured on Linux only"

export interface Usage {
  readonly processes: number
  readonly rssBytes: number
  /** Shared pages counted once over all that share them; 0 where the kernel does not say. */
  readonly pssBytes: number
  /** Since each process began. */
  readonly cpuMicros: number
  readonly openFiles: number
}

export const NO_USAGE: Usage = {
  processes: 0,
  rssBytes: 0,
  pssBytes: 0,
  cpuMicros: 0,
  openFiles: 0,
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const kibibytes = (text: string | undefined, key: string): number =>
  Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text ?? "")?.[1] ?? 0) * KIB

const openFilesOf = (pid: number): number => {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

/** Fields behind the name, which may hold anything: state is the first of them. */
const statOf = (pid: number): ReadonlyArray<string> | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
}

const parentOf = (pid: number): number => Number(statOf(pid)?.[1] ?? 0)

/** Children that have ended and were waited for count with their parent. */
const cpuMicrosOf = (pid: number): number => {
  const stat = statOf(pid)
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(stat?.[at] ?? 0), 0)
  return ticks * TICK_MICROS
}

const one = (pid: number): Usage => ({
  processes: 1,
  rssBytes: kibibytes(read(`/proc/${pid}/status`), "VmRSS"),
  pssBytes: kibibytes(read(`/proc/${pid}/smaps_rollup`), "Pss"),
  cpuMicros: cpuMicrosOf(pid),
  openFiles: openFilesOf(pid),
})

const sum = (a: Usage, b: Usage): Usage => ({
  processes: a.processes + b.processes,
  rssBytes: a.rssBytes + b.rssBytes,
  pssBytes: a.pssBytes + b.pssBytes,
  cpuMicros: a.cpuMicros + b.cpuMicros,
  openFiles: a.openFiles + b.openFiles,
})

/** These processes and all that they started, however deep. */
export const withDescendants = (roots: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (!canMeasure) return roots
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  const parents = new Map(pids.map((name) => [Number(name), parentOf(Number(name))] as const))
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (roots.includes(at)) return true
    return false
  }
  return [...parents.keys()].filter(belongs)
}

/** What these processes and all that they started use now; nothing where it cannot be measured. */
export const usageOf = (roots: ReadonlyArray<number>): Usage =>
  canMeasure ? withDescendants(roots).map(one).reduce(sum, NO_USAGE) : NO_USAGE

/** The command line of a process, for telling one child from another. */
export const commandOf = (pid: number): string =>
  (read(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ").trim()
