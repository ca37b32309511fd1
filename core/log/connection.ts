// The connection to NATS that a process lives by: it never gives up reconnecting and notices a dead
// server by pings. When it is closed for good, whoever owns the process is told, so that the
// process ends instead of idling.
import { Schema } from "effect"
import { connect, Events, type ConnectionOptions, type NatsConnection } from "nats"
import { readServers, shownServers } from "./servers.ts"

/**
 * Between two pings; two unanswered ones mean a dead peer, so a silent server is noticed within 15
 * s.
 */
const PING_INTERVAL_MILLIS = 5_000
const PINGS_UNANSWERED_MAX = 2
/** Between two attempts to reconnect; short, because every caller waits meanwhile. */
const RECONNECT_WAIT_MILLIS = 100
const RECONNECT_JITTER_MILLIS = 100
/** One attempt to connect. */
const CONNECT_WAIT_MILLIS = 5_000

export interface NatsSettings {
  /** Comma-separated; credentials in an address count where the fields below give none. */
  readonly servers: string
  /** Shown in the server's list of connections. */
  readonly name: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
}

export class NatsUnreachable extends Schema.TaggedError<NatsUnreachable>()("NatsUnreachable", {
  servers: Schema.String,
  cause: Schema.Defect(),
}) {
  override get message() {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `no NATS server answers at ${this.servers}: ${reason}`
  }
}

/** The settings' own credentials, whole: never a user from here, a password from elsewhere. */
const loginOf = ({ user, password, token }: NatsSettings) =>
  user === undefined && password === undefined && token === undefined
    ? undefined
    : { user, password, token }

/**
 * Connects, and reconnects for ever after.
 *
 * @throws NatsUnreachable when no server answers the first attempt, ServersInvalid.
 */
export const connectNats = async (settings: NatsSettings): Promise<NatsConnection> => {
  const { addresses, isTlsRequired, login } = readServers(settings.servers)
  const { user, password, token } = loginOf(settings) ?? login
  const options: ConnectionOptions = {
    servers: [...addresses],
    name: settings.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MILLIS,
    reconnectJitter: RECONNECT_JITTER_MILLIS,
    pingInterval: PING_INTERVAL_MILLIS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    timeout: CONNECT_WAIT_MILLIS,
    ...(isTlsRequired ? { tls: {} } : {}),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
  }
  try {
    return await connect(options)
  } catch (cause) {
    throw new NatsUnreachable({ servers: shownServers(settings.servers), cause })
  }
}

/** Whether a server is there right now. Follows the connection's own events; true at the start. */
export class LinkState {
  #up = true
  readonly #listeners = new Set<(up: boolean) => void>()

  constructor(connection: NatsConnection) {
    void this.#follow(connection)
  }

  get up(): boolean {
    return this.#up
  }

  /** Calls back at each change; returns what ends the calls. */
  onChange(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) this.#change(false)
      else if (status.type === Events.Reconnect) this.#change(true)
    }
    this.#change(false)
  }

  #change(up: boolean): void {
    this.#up = up
    for (const listener of this.#listeners) listener(up)
  }
}
