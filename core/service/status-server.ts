// Health and metrics of a process that serves nothing else over HTTP. It never answers about single
// requests.
import type { Registry } from "prom-client"

export interface StatusServerOptions {
  readonly hostname: string
  /** 0 takes any free port. */
  readonly port: number
  readonly registry: Registry
  /** Why the process is not ready; `undefined` when it is. */
  readonly notReady: () => string | undefined
}

export interface StatusServer {
  readonly port: number
  readonly stop: () => Promise<void>
}

/** A scrape is short; a connection that idles longer is closed, in seconds. */
const IDLE_SECONDS = 10

/** Serves `/health/live`, `/health/ready` and `/metrics`. Throws when the port is taken. */
export const startStatusServer = (options: StatusServerOptions): StatusServer => {
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    reusePort: false,
    idleTimeout: IDLE_SECONDS,
    routes: {
      "/health/live": () => Response.json({ live: true }),
      "/health/ready": () => {
        const reason = options.notReady()
        return reason === undefined
          ? Response.json({ ready: true })
          : Response.json({ ready: false, reason }, { status: 503 })
      },
      "/metrics": async () =>
        new Response(await options.registry.metrics(), {
          headers: { "Content-Type": options.registry.contentType },
        }),
    },
    fetch: () => Response.json({ error: "no such page", code: "not_found" }, { status: 404 }),
  })
  return { port: server.port ?? 0, stop: () => server.stop(true) }
}
