// The text of a nats-server configuration file, with every limit that we rely on written out. Pure:
// it writes no file and chooses no value that a caller could want to change.

export interface ClusterOptions {
  readonly name: string
  readonly port: number
  /** Route URLs of all members, as `clusterUrl` gives them. */
  readonly routes: ReadonlyArray<string>
}

export interface ServerConfiguration {
  readonly serverName: string
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly monitorPort: number
  /** Where the ports file is written. */
  readonly directory: string
  readonly storeDir: string
  readonly sync: "default" | "always"
  readonly maxFileStoreBytes: number
  readonly maxMemoryStoreBytes: number
  readonly maxPayloadBytes: number
  readonly cluster: ClusterOptions | undefined
}

/** A predictor, a gateway and a handful of tools each hold one or two. */
const CONNECTIONS_MAX = 4_096
/** Bytes queued towards one client that does not read; eight of the largest messages. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024
/** A client that takes longer to accept bytes is cut off, so that it does not hold memory. */
const WRITE_DEADLINE = "10s"
const PING_INTERVAL = "10s"
const PINGS_UNANSWERED_MAX = 2
/** The server's own default, written out because it is the span that a power cut can cost. */
const SYNC_INTERVAL_DEFAULT = "2m"

/** The route address of a member of a cluster on this host. */
export const clusterUrl = (port: number): string => `nats://127.0.0.1:${port}`

const text = (value: string) => JSON.stringify(value)

// The server reads -1 as "any free port" and 0 as its default.
const address = (host: string, port: number) => text(`${host}:${port === 0 ? -1 : port}`)

const clusterBlock = (cluster: ClusterOptions) => `
cluster {
  name: ${text(cluster.name)}
  listen: ${address("127.0.0.1", cluster.port)}
  routes: [${cluster.routes.map(text).join(", ")}]
}
`

/** The configuration file as text; sizes in bytes. */
export const serverConfiguration = (options: ServerConfiguration): string =>
  `# Written at every start; changes made here are lost.
server_name: ${text(options.serverName)}
listen: ${address(options.host, options.port)}
http: ${address("127.0.0.1", options.monitorPort)}
ports_file_dir: ${text(options.directory)}
max_payload: ${options.maxPayloadBytes}
max_connections: ${CONNECTIONS_MAX}
max_pending: ${PENDING_BYTES_MAX}
write_deadline: ${text(WRITE_DEADLINE)}
ping_interval: ${text(PING_INTERVAL)}
ping_max: ${PINGS_UNANSWERED_MAX}
jetstream {
  store_dir: ${text(options.storeDir)}
  max_file_store: ${options.maxFileStoreBytes}
  max_memory_store: ${options.maxMemoryStoreBytes}
  sync_interval: ${options.sync === "always" ? "always" : text(SYNC_INTERVAL_DEFAULT)}
}
${options.cluster === undefined ? "" : clusterBlock(options.cluster)}`
