// Who gets alerts. The operator's own targets are trusted and may be private; a target that came in
// through the API must be https at a public address, since its URL is a stranger's. Nothing is sent
// or resolved here.
import { createHash } from "node:crypto"
import { isIP } from "node:net"
import { Schema } from "effect"
import { isVersionName } from "#proto/names"
import type { WebhookKind } from "#proto/webhook"
import { isPublicAddress } from "./address.ts"

export const URL_MAX_CHARACTERS = 2_048
const ENDPOINT_CHARACTERS = 16

export interface Target {
  readonly name: string
  readonly kind: WebhookKind
  readonly url: string
  /** The newest first; without any, nothing is signed. */
  readonly secrets: ReadonlyArray<string>
  /** Configured by the operator: private addresses and http are allowed. */
  readonly trusted: boolean
  /** Only alerts from then on, milliseconds since 1970. */
  readonly since: number
  /** Models whose alerts it gets; without it, all. */
  readonly models?: ReadonlyArray<string> | undefined
}

/**
 * The target cannot be used; the reason never repeats a secret or the path of a URL, which can be
 * one.
 */
export class TargetRefused extends Schema.TaggedError<TargetRefused>()("TargetRefused", {
  name: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `webhook ${this.name}: ${this.reason}`
  }
}

/** The host of a URL as an address or a name: brackets and a last dot removed. */
export const hostOf = (url: URL): string => {
  const { hostname } = url
  if (hostname.startsWith("[")) return hostname.slice(1, -1)
  return hostname.endsWith(".") ? hostname.slice(0, -1) : hostname
}

const parseUrl = (name: string, text: string): URL => {
  const refuse = (reason: string) => new TargetRefused({ name, reason })
  if (!isVersionName(name))
    throw new TargetRefused({
      name: "?",
      reason: `"${name.slice(0, 80)}" is no name ([A-Za-z0-9_-]{1,64})`,
    })
  if (text.length > URL_MAX_CHARACTERS)
    throw refuse(`its URL is longer than ${URL_MAX_CHARACTERS} characters`)
  const url = URL.parse(text)
  if (url === null) throw refuse("its URL cannot be read")
  if (hostOf(url) === "") throw refuse("its URL names no host")
  return url
}

/**
 * Checks a target that the operator configured.
 *
 * @throws TargetRefused when its URL is not http or https.
 */
export const operatorTarget = (target: Omit<Target, "trusted" | "since">): Target => {
  const url = parseUrl(target.name, target.url)
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new TargetRefused({ name: target.name, reason: "its URL must be http or https" })
  return { ...target, trusted: true, since: 0 }
}

/**
 * Checks the URL of a target that came in through the API, as far as that is possible without
 * resolving its name; a name is checked again, with its addresses, at each delivery.
 *
 * @throws TargetRefused
 */
export const checkApiUrl = (name: string, text: string): void => {
  const url = parseUrl(name, text)
  const refuse = (reason: string) => new TargetRefused({ name, reason })
  if (url.protocol !== "https:") throw refuse("its URL must be https")
  if (url.username !== "" || url.password !== "") throw refuse("its URL must hold no credentials")
  const host = hostOf(url)
  // The URL parser has turned every numeric form (decimal, octal, hexadecimal, short) into the
  // plain one.
  if (isIP(host) !== 0) {
    if (!isPublicAddress(host)) throw refuse(`${host} is not a public address`)
    return
  }
  const labels = host.toLowerCase().split(".")
  if (labels.length < 2 || NEVER_PUBLIC.has(labels.at(-1) ?? ""))
    throw refuse(`${host} is not a public name`)
}

/**
 * Last labels that are reserved for private or local use, RFC 6761, 6762, 8375 and ICANN's
 * "internal".
 */
const NEVER_PUBLIC: ReadonlySet<string> = new Set([
  "localhost",
  "local",
  "internal",
  "intranet",
  "lan",
  "home",
  "corp",
  "arpa",
  "test",
  "example",
  "invalid",
  "onion",
])

const ALERTMANAGER_PATH = "/api/v2/alerts"

/** Where a message is posted: an Alertmanager's address leads to its API. */
export const postUrl = (target: Pick<Target, "kind" | "url">): URL => {
  const url = new URL(target.url)
  if (target.kind === "alertmanager" && !url.pathname.endsWith(ALERTMANAGER_PATH))
    url.pathname = url.pathname.replace(/\/+$/, "") + ALERTMANAGER_PATH
  return url
}

/** Stands for the URL in facts, which must not hold what may be a secret. */
export const endpointOf = (target: Pick<Target, "url">): string =>
  createHash("sha256").update(target.url).digest("hex").slice(0, ENDPOINT_CHARACTERS)

/** The URL as it may be shown: paths and queries of chat hooks are secrets. */
export const shownUrl = (text: string): string => {
  const url = URL.parse(text)
  if (url === null) return "?"
  return url.pathname === "/" && url.search === "" ? url.origin : `${url.origin}/…`
}

/** What the operator is told at start about a target. */
export const describeTarget = (target: Target): string => {
  const signed = target.secrets.length > 0 ? "signed" : "not signed"
  const scope = target.trusted ? "private addresses allowed" : "public addresses only"
  return `${target.name}: ${target.kind} at ${shownUrl(target.url)}, ${signed}, ${scope}`
}

export const wants = (target: Target, alert: { readonly model: string; readonly at: number }) =>
  alert.at >= target.since && (target.models?.includes(alert.model) ?? true)
