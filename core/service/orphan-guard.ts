// Ends a child process when its parent disappears without a word (SIGKILL, out of memory): a shell
// holds the read end of a pipe that only the parent can close. It does not restart anything and
// knows nothing of orderly shutdown.

/**
 * The shell waits for a line that never comes; the end of the pipe means that the parent is gone.
 * It ignores the terminal's signals because it must outlive an orderly shutdown that is still under
 * way.
 */
const GUARD_SCRIPT = 'trap "" INT TERM HUP; read -r line; [ "$line" = done ] || kill -TERM "$1"'

export interface OrphanGuard {
  /** Ends the guard and leaves the child alone. Call it once the child has ended. */
  readonly release: () => void
}

/** Sends SIGTERM to process `pid` as soon as this process is gone, however it ended. */
export const guardOrphan = (pid: number): OrphanGuard => {
  const guard = Bun.spawn(["/bin/sh", "-c", GUARD_SCRIPT, "orphan-guard", String(pid)], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
  })
  guard.unref()
  return {
    release: () => {
      void guard.stdin.write("done\n")
      void guard.stdin.end()
    },
  }
}
