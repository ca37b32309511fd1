// Small servers of the bench as processes of their own: started, ready when they say their first
// line, ended by their own process.
import { projectFolder } from "../../cli/project.ts"
import { hold } from "../clean-ups.ts"

export interface OwnProcess {
  readonly pid: number
  /** The first line that it printed. */
  readonly said: string
  readonly stop: () => Promise<void>
}

export const startOwn = async (
  file: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<OwnProcess> => {
  const { made: child, undo: stop } = hold(
    () =>
      Bun.spawn([process.execPath, file], {
        cwd: projectFolder,
        env: { ...process.env, ...environment },
        stdout: "pipe",
        stderr: "inherit",
      }),
    (running) => {
      running.kill("SIGTERM")
      return running.exited
    },
  )
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  reader.releaseLock()
  if (value === undefined) throw new Error(`${file} ended without a word`)
  return {
    pid: child.pid,
    said: new TextDecoder().decode(value).trim(),
    stop,
  }
}
