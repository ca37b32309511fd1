// Makes the streams and consumers what topology.ts describes (`provision`, the only place that
// changes them), or says how they differ (`verify`, what services do at start).
import { Schema } from "effect"
import { NatsError, type JetStreamManager, type StreamConfig } from "nats"
import {
  consumers,
  limitsSumBytes,
  streams,
  type ConsumerDescription,
  type LogLimits,
  type StreamDescription,
} from "./topology.ts"

export interface Difference {
  /** `STREAM` or `STREAM/consumer`. */
  readonly where: string
  readonly field: string
  readonly expected: string
  readonly found: string
}

export class ProvisionRefused extends Schema.TaggedError<ProvisionRefused>()("ProvisionRefused", {
  where: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.where} cannot be provisioned: ${this.reason}`
  }
}

const text = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value))

/**
 * The server adds fields of its own and leaves out empty ones: only what is described counts, at
 * every depth.
 */
const holds = (described: unknown, found: unknown): boolean => {
  if (Array.isArray(described))
    return (
      Array.isArray(found) &&
      found.length === described.length &&
      described.every((item, index) => holds(item, found[index]))
    )
  if (typeof described === "object" && described !== null) {
    if (typeof found !== "object" || found === null) return false
    const fields = new Map<string, unknown>(Object.entries(found))
    return Object.entries(described).every(([field, value]) => holds(value, fields.get(field)))
  }
  return described === found
}

const differencesOf = (where: string, described: object, found: object): Array<Difference> => {
  const fields = new Map<string, unknown>(Object.entries(found))
  return Object.entries(described)
    .filter(([field, value]) => !holds(value, fields.get(field)))
    .map(([field, value]) => ({
      where,
      field,
      expected: text(value),
      found: text(fields.get(field)),
    }))
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof NatsError && [10059, 10014].includes(cause.api_error?.err_code ?? 0)

const orMissing = async <A>(lookup: Promise<A>): Promise<A | undefined> => {
  try {
    return await lookup
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

const refused = (where: string) => (cause: unknown) => {
  // Silence is no refusal: whoever provisions a cluster that has just begun asks again.
  if (cause instanceof NatsError && cause.api_error === undefined) throw cause
  throw new ProvisionRefused({
    where,
    reason: cause instanceof Error ? cause.message : String(cause),
  })
}

const provisionStream = async (
  manager: JetStreamManager,
  described: StreamDescription,
): Promise<void> => {
  const found = await orMissing(manager.streams.info(described.name))
  if (found === undefined) await manager.streams.add(described)
  else if (differencesOf(described.name, described, found.config).length > 0) {
    const { name, ...changes } = described
    // Retention and storage cannot change; the server says so, and an operator has to decide what
    // becomes of the data.
    const config: Partial<StreamConfig> = { ...found.config, ...changes }
    await manager.streams.update(name, config)
  }
}

const provisionConsumer = async (
  manager: JetStreamManager,
  { stream, config }: ConsumerDescription,
): Promise<void> => {
  const found = await orMissing(manager.consumers.info(stream, config.durable_name))
  if (found === undefined) await manager.consumers.add(stream, config)
  else if (differencesOf(stream, config, found.config).length > 0)
    await manager.consumers.update(stream, config.durable_name, config)
}

/**
 * Throws ProvisionRefused when the limits of all streams do not fit into the store of the server.
 */
const checkStore = async (manager: JetStreamManager, limits: LogLimits): Promise<void> => {
  const account = await manager.getAccountInfo()
  const store = account.limits.max_storage
  const wanted = limitsSumBytes(limits)
  if (store > 0 && wanted > store)
    throw new ProvisionRefused({
      where: "the log",
      reason: `its limits add up to ${wanted} bytes, the account may store ${store}`,
    })
}

/**
 * Creates what is missing and changes what differs. Idempotent.
 *
 * @throws ProvisionRefused naming the stream or consumer and what the server said.
 */
export const provision = async (manager: JetStreamManager, limits: LogLimits): Promise<void> => {
  await checkStore(manager, limits)
  for (const stream of streams(limits))
    await provisionStream(manager, stream).catch(refused(stream.name))
  for (const consumer of consumers(limits))
    await provisionConsumer(manager, consumer).catch(
      refused(`${consumer.stream}/${consumer.config.durable_name}`),
    )
}

/**
 * How the streams and consumers of the server differ from the description; empty when they do not.
 */
export const verify = async (
  manager: JetStreamManager,
  limits: LogLimits,
): Promise<ReadonlyArray<Difference>> => {
  const differences: Array<Difference> = []
  const missing = (where: string) =>
    differences.push({ where, field: "existence", expected: "there", found: "missing" })
  for (const described of streams(limits)) {
    const found = await orMissing(manager.streams.info(described.name))
    if (found === undefined) missing(described.name)
    else differences.push(...differencesOf(described.name, described, found.config))
  }
  for (const { stream, config } of consumers(limits)) {
    const where = `${stream}/${config.durable_name}`
    const found = await orMissing(manager.consumers.info(stream, config.durable_name))
    if (found === undefined) missing(where)
    else differences.push(...differencesOf(where, config, found.config))
  }
  return differences
}
