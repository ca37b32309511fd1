// Addresses of NATS servers as people write them, with or without credentials: read, and shown
// without the credentials. The client library ignores credentials in an address, so they are taken
// out here. It opens no connection.
import { Schema } from "effect"

const PORT_DEFAULT = 4_222
const PORT_MAX = 65_535
const SCHEME = /^\s*[a-z]+:\/\//i
const ADDRESS = /^(?:(?<login>.*)@)?(?<host>\[[\da-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?\/?$/i

/** How an address is written, for a sentence that begins with "expected". */
export const SERVERS_EXPECTED = "nats://host:port, tls://host:port or host:port, comma-separated"

export interface Login {
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

export interface Servers {
  /** `host:port` of each server. */
  readonly addresses: ReadonlyArray<string>
  /** Whether an address demands TLS; without it the server decides. */
  readonly isTlsRequired: boolean
  /** The first credentials in an address; empty when there are none. */
  readonly login: Login
}

/** An address that cannot be used; `shown` has no credentials. */
export class ServersInvalid extends Schema.TaggedError<ServersInvalid>()("ServersInvalid", {
  shown: Schema.String,
}) {
  override get message() {
    return `NATS servers: expected ${SERVERS_EXPECTED}, got "${this.shown}"`
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `user:password`, or a token alone. */
const loginOf = (text: string): Login => {
  const colon = text.indexOf(":")
  if (colon < 0) return { token: decoded(text) }
  return { user: decoded(text.slice(0, colon)), password: decoded(text.slice(colon + 1)) }
}

const readOne = (text: string) => {
  const scheme = SCHEME.exec(text)?.[0].trim().toLowerCase()
  if (scheme !== undefined && scheme !== "nats://" && scheme !== "tls://") return undefined
  const { login, host, port } = ADDRESS.exec(text.replace(SCHEME, "").trim())?.groups ?? {}
  const number = port === undefined ? PORT_DEFAULT : Number(port)
  if (host === undefined || number < 1 || number > PORT_MAX) return undefined
  return {
    address: `${host}:${number}`,
    isTlsRequired: scheme === "tls://",
    login: login === undefined || login === "" ? undefined : loginOf(login),
  }
}

/**
 * The text without what stands before an `@`. A text that is no list of addresses loses everything
 * before its last `@`, since a password may hold any character.
 */
export const shownServers = (text: string): string => {
  const hidden = (part: string) => part.replace(/^(\s*[a-z]+:\/\/)?.*@/is, "$1***@")
  return areServers(text) ? text.split(",").map(hidden).join(",") : hidden(text)
}

/** Whether `readServers` can read the text. */
export const areServers = (text: string): boolean =>
  text.split(",").every((part) => readOne(part) !== undefined)

/** @throws ServersInvalid */
export const readServers = (text: string): Servers => {
  if (!areServers(text)) throw new ServersInvalid({ shown: shownServers(text) })
  const servers = text.split(",").flatMap((part) => readOne(part) ?? [])
  return {
    addresses: servers.map(({ address }) => address),
    isTlsRequired: servers.some((server) => server.isTlsRequired),
    login: servers.find(({ login }) => login !== undefined)?.login ?? {},
  }
}
