// Whether a TCP port can be listened on. It holds the port for a moment and gives it back.

/** Why the port cannot be had, as a sentence, or undefined when it is free. */
export const portTrouble = (host: string, port: number): string | undefined => {
  try {
    Bun.listen({ hostname: host, port, socket: { data: () => undefined } }).stop(true)
    return undefined
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "EADDRINUSE") return `port ${port} on ${host} is already in use`
    if (code === "EACCES") return `port ${port} on ${host} needs more rights than this process has`
    const reason = error instanceof Error ? error.message : String(error)
    return `cannot listen on ${host}, port ${port}: ${reason}`
  }
}

/** A port that was free a moment ago; for what must keep its port when it is started again. */
export const freePort = (host: string): number => {
  const listener = Bun.listen({ hostname: host, port: 0, socket: { data: () => undefined } })
  const { port } = listener
  listener.stop(true)
  return port
}
