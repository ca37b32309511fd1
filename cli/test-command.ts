// The command line of a test: `weir` as the process that a user starts.
import { inProject } from "./project.ts"

export interface Ran {
  readonly code: number
  readonly printed: string
  readonly said: string
}

export type Weir = (...words: ReadonlyArray<string>) => Promise<Ran>

/** Runs `weir` with this environment; nothing of the machine's own running system is seen. */
export const weirWith =
  (environment: Readonly<Record<string, string>>): Weir =>
  async (...words) => {
    const child = Bun.spawn([process.execPath, inProject("cli", "main.ts"), ...words], {
      env: { ...process.env, WEIR_PORT: "", WEIR_URL: "", ...environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    })
    const [printed, said, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { code, printed, said }
  }
