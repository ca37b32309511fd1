// A drift-monitor that can be killed and started again, and a receiver for the alerts it sends.
import { limitsEnvironment } from "#core/service/process-settings"
import { startService } from "../programs/start-service.ts"
import type { Running } from "../up/child.ts"
import type { Laboratory } from "./system.ts"

const STOP_WAIT_MILLIS = 20_000

/** A receiver of webhooks that notes their ids. */
export const startReceiver = () => {
  const ids: Array<string> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      await request.arrayBuffer()
      ids.push(request.headers.get("webhook-id") ?? "")
      return new Response(null, { status: 204 })
    },
  })
  return { ids, url: server.url.href, stop: () => server.stop(true) }
}

export class KillableMonitor {
  readonly #environment: Readonly<Record<string, string>>
  readonly #lines: Array<string> = []
  #running: Running | undefined

  constructor(laboratory: Laboratory, config: string, webhook: string) {
    this.#environment = {
      ...limitsEnvironment(laboratory.limits),
      NATS_URL: laboratory.broker.servers,
      LOG_FORMAT: "json",
      DRIFT_CONFIG: config,
      DRIFT_ENABLED: "true",
      DRIFT_WEBHOOK: webhook,
    }
  }

  get lines(): ReadonlyArray<string> {
    return this.#lines
  }

  async killAndRestart(): Promise<void> {
    if (this.#running !== undefined) process.kill(this.#running.pid, "SIGKILL")
    await this.#running?.exited
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  async start(): Promise<void> {
    this.#running = await startService("drift-monitor", {
      environment: this.#environment,
      stopWaitMillis: STOP_WAIT_MILLIS,
      onLine: (line) => this.#lines.push(line),
    })
  }
}
