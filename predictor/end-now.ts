// The end by force of a process that cannot end in order because a thread of it is in a run. It
// settles nothing: what the process holds is delivered again.

/** Ends this process at once, from any of its threads. */
export const endNow = (): void => {
  process.kill(process.pid, "SIGKILL")
  // The first process of a container cannot kill itself, but it can abort.
  process.abort()
}
