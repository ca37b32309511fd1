// Where and of what figures are: no figure is of use without it.
import { availableParallelism, cpus, release, totalmem } from "node:os"
import { findNatsServer } from "#core/log/nats-binary"
import { inProject } from "../../cli/project.ts"

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly bun: string
  readonly natsServer: string
  readonly commit: string
  /** Whether the files differed from the commit. */
  readonly isChanged: boolean
  /** Processes that wanted to run when the bench began: above 1, something else ran beside it. */
  readonly load: number
}

export const git = (...words: ReadonlyArray<string>): string => {
  const run = Bun.spawnSync(["git", ...words], { cwd: inProject(), stderr: "ignore" })
  return run.success ? run.stdout.toString().trim() : ""
}

const loadNow = async (): Promise<number> => {
  const text = await Bun.file("/proc/loadavg")
    .text()
    .catch(() => "")
  return Number(text.split(" ")[0] ?? 0)
}

const natsVersion = (): string => {
  try {
    return findNatsServer().version
  } catch {
    return "none"
  }
}

export const describeMachine = async (now: Date): Promise<Machine> => ({
  date: now.toISOString(),
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  system: `${process.platform} ${process.arch} ${release()}`,
  bun: Bun.version,
  natsServer: natsVersion(),
  commit: git("rev-parse", "--short=12", "HEAD"),
  isChanged: git("status", "--porcelain", "--untracked-files=no") !== "",
  load: await loadNow(),
})
