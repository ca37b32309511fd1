// Real nats-servers for tests: temporary folders, free ports, and nothing left behind when `stop`
// has resolved.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  startEmbeddedServer,
  type EmbeddedServer,
  type EmbeddedServerOptions,
} from "#core/log/embedded-server"
import { clusterUrl } from "#core/log/server-configuration"

export type TestServerOptions = Omit<EmbeddedServerOptions, "directory">

export interface TestServer {
  /** The server that runs now: another object after `restart`. */
  readonly server: () => EmbeddedServer
  readonly url: string
  readonly monitorUrl: string
  readonly directory: string
  /** SIGKILL (or SIGTERM with `"stop"`), then a start on the same store and ports. */
  readonly restart: (how?: "kill" | "stop") => Promise<void>
  /** Ends the server and removes its folder. */
  readonly stop: () => Promise<void>
}

/** Starts one server on a temporary folder; its URL stays the same across `restart`. */
export const startNats = async (options: TestServerOptions = {}): Promise<TestServer> => {
  const directory = mkdtempSync(join(tmpdir(), "weir-nats-"))
  let current = await startEmbeddedServer({ ...options, directory }).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true })
    throw error
  })
  return {
    server: () => current,
    url: current.url,
    monitorUrl: current.monitorUrl,
    directory,
    restart: async (how = "kill") => {
      await current[how]()
      current = await current.restart()
    },
    stop: async () => {
      await current.kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Ports that were free a moment ago; for the few settings that cannot be "any free port". */
export const freePorts = (count: number): ReadonlyArray<number> => {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } }),
  )
  const ports = listeners.map((listener) => listener.port)
  for (const listener of listeners) listener.stop(true)
  return ports
}

export interface TestCluster {
  readonly members: ReadonlyArray<TestServer>
  /** All members' client URLs, comma separated, as `NATS_URL` takes them. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/**
 * Starts `size` servers that form one cluster, and resolves when JetStream has a leader with all
 * peers.
 */
export const startCluster = async (
  size: number,
  options: TestServerOptions = {},
): Promise<TestCluster> => {
  const ports = freePorts(size)
  const routes = ports.map(clusterUrl)
  const members = await Promise.all(
    ports.map((port, place) =>
      startNats({
        ...options,
        serverName: `weir-${place}`,
        cluster: { name: "weir", port, routes },
      }),
    ),
  )
  await Promise.any(members.map((member) => leaderWithPeers(member.monitorUrl, size)))
  return {
    members,
    url: members.map((member) => member.url).join(","),
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()))
    },
  }
}

/** An election takes about a second; this is for a machine that is very busy. */
const ELECTION_WAIT_MILLIS = 60_000
const ASK_AGAIN_MILLIS = 50

interface MetaReport {
  readonly meta_cluster?: {
    readonly leader?: string
    readonly cluster_size?: number
    readonly replicas?: ReadonlyArray<{ readonly current?: boolean; readonly offline?: boolean }>
  }
}

/**
 * Only the leader reports its replicas, so this resolves on one member and rejects at last on the
 * others.
 */
const leaderWithPeers = async (monitorUrl: string, size: number): Promise<void> => {
  const last = performance.now() + ELECTION_WAIT_MILLIS
  while (performance.now() < last) {
    const answer = await fetch(`${monitorUrl}/jsz`).catch(() => undefined)
    // Boundary: the server's own monitoring page.
    const report = (await answer?.json().catch(() => undefined)) as MetaReport | undefined
    const replicas = report?.meta_cluster?.replicas ?? []
    if (replicas.filter((one) => one.current === true && one.offline !== true).length === size - 1)
      return
    // The server offers no event for "elected": ask again.
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MILLIS))
  }
  throw new Error(`no JetStream leader with ${size} members after ${ELECTION_WAIT_MILLIS} ms`)
}
