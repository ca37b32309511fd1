// The servers of the laboratory's log: one, or a cluster of three on this machine; killed and
// started again on their stores.
import { join } from "node:path"
import { startEmbeddedServer, type EmbeddedServer } from "#core/log/embedded-server"
import { clusterUrl, type ClusterOptions } from "#core/log/server-configuration"
import { freePort } from "../port.ts"
import { Supervisor, type RestartPolicy } from "../up/supervisor.ts"

const CLUSTER_NAME = "laboratory"
const LOOPBACK = "127.0.0.1"

export interface Member {
  /** Its server name. */
  readonly name: string
  readonly supervisor: Supervisor
  readonly monitorUrl: string
}

export interface Broker {
  /** Comma-separated URLs. */
  readonly servers: string
  readonly members: ReadonlyArray<Member>
  readonly stop: () => Promise<void>
}

const startMember = async (
  folder: string,
  name: string,
  cluster: ClusterOptions | undefined,
  policy: RestartPolicy,
  say: (line: string) => void,
  sync: "default" | "always",
) => {
  let server: EmbeddedServer = await startEmbeddedServer({
    directory: join(folder, name),
    serverName: name,
    sync,
    onLog: (line) => say(`${name}: ${line}`),
    ...(cluster === undefined ? {} : { cluster }),
  })
  let first: EmbeddedServer | undefined = server
  const start = async () => {
    server = first ?? (await server.restart())
    first = undefined
    return server
  }
  const { url, monitorUrl } = server
  return { name, url, monitorUrl, supervisor: new Supervisor(name, start, () => undefined, policy) }
}

/** Starts one server or three; a member that dies is started again on its store and ports. */
export const startBroker = async (
  folder: string,
  count: 1 | 3,
  policy: RestartPolicy,
  say: (line: string) => void,
  sync: "default" | "always" = "default",
): Promise<Broker> => {
  const ports = Array.from({ length: count }, () => freePort(LOOPBACK))
  const routes = ports.map(clusterUrl)
  const members = await Promise.all(
    ports.map((port, index) => {
      const cluster = count === 1 ? undefined : { name: CLUSTER_NAME, port, routes }
      return startMember(folder, `nats-${index + 1}`, cluster, policy, say, sync)
    }),
  )
  return {
    servers: members.map(({ url }) => url).join(","),
    members,
    stop: async () => {
      await Promise.all(members.map(({ supervisor }) => supervisor.stop()))
    },
  }
}
