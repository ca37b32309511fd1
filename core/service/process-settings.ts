// The settings that every process has: where NATS is, what the log may hold, how to speak.
import { DEFAULT_LIMITS, type LogLimits } from "../log/topology.ts"
import type { NatsSettings } from "../log/connection.ts"
import { areServers, SERVERS_EXPECTED, shownServers } from "../log/servers.ts"
import {
  choice,
  integer,
  integers,
  secret,
  SettingsInvalid,
  showSettings,
  text,
  type Setting,
  type ValuesOf,
} from "./settings.ts"

const GIB = 1024 ** 3
const BYTES_MIN = 1024 * 1024
const BYTES_MAX = 1024 * GIB
const AGE_MIN_MILLIS = 1_000
const AGE_MAX_MILLIS = 10 * 365 * 86_400_000

/** Addresses of NATS servers, shown without credentials. */
const natsServers = (variable: string, about: string, fallback: string): Setting<string> => ({
  ...text(variable, about, fallback),
  read: (value) => {
    if (!areServers(value)) throw new Error(SERVERS_EXPECTED)
    return value
  },
  show: shownServers,
  redact: shownServers,
})

export const natsSettings = {
  natsUrl: natsServers("NATS_URL", "Servers of NATS, comma-separated", "nats://127.0.0.1:4222"),
  natsUser: secret("NATS_USER", "User name at NATS"),
  natsPassword: secret("NATS_PASSWORD", "Password at NATS"),
  natsToken: secret("NATS_TOKEN", "Token at NATS, instead of user and password"),
} as const

export const loggingSettings = {
  logLevel: choice("LOG_LEVEL", "Least level that is printed", "info", [
    "debug",
    "info",
    "warn",
    "error",
  ]),
  logFormat: choice("LOG_FORMAT", "auto: json on a pipe, text on a terminal", "auto", [
    "auto",
    "json",
    "text",
  ]),
} as const

const bytes = (variable: string, about: string, fallback: number) =>
  integer(variable, `${about}, bytes`, fallback, BYTES_MIN, BYTES_MAX)
const age = (variable: string, about: string, fallback: number) =>
  integer(variable, `${about}, milliseconds`, fallback, AGE_MIN_MILLIS, AGE_MAX_MILLIS)

/** Limits of the streams; all processes of one system must be given the same. */
export const limitSettings = {
  replicas: integer("WEIR_REPLICAS", "Copies of each stream", DEFAULT_LIMITS.replicas, 1, 5),
  requestsMessagesMax: integer(
    "WEIR_REQUESTS_MAX_MESSAGES",
    "Requests that may wait to be predicted; more are refused with 429",
    DEFAULT_LIMITS.requestsMessagesMax,
    1,
    10_000_000,
  ),
  requestsBytesMax: bytes(
    "WEIR_REQUESTS_MAX_BYTES",
    "Size of the waiting requests",
    DEFAULT_LIMITS.requestsBytesMax,
  ),
  predictionsMessagesMax: integer(
    "WEIR_PREDICTIONS_MAX_MESSAGES",
    "Facts in the hot log; each takes about 350 bytes of the server's memory",
    DEFAULT_LIMITS.predictionsMessagesMax,
    100,
    100_000_000,
  ),
  predictionsBytesMax: bytes(
    "WEIR_PREDICTIONS_MAX_BYTES",
    "Size of the hot log",
    DEFAULT_LIMITS.predictionsBytesMax,
  ),
  predictionsAgeMillis: age(
    "WEIR_PREDICTIONS_MAX_AGE_MS",
    "How long the hot log keeps a fact, and an idempotency key its answer",
    DEFAULT_LIMITS.predictionsAgeMillis,
  ),
  historyBytesMax: bytes(
    "WEIR_HISTORY_MAX_BYTES",
    "Size of the long log",
    DEFAULT_LIMITS.historyBytesMax,
  ),
  historyAgeMillis: age(
    "WEIR_HISTORY_MAX_AGE_MS",
    "How long the long log keeps a fact",
    DEFAULT_LIMITS.historyAgeMillis,
  ),
  eventsBytesMax: bytes(
    "WEIR_EVENTS_MAX_BYTES",
    "Size of the decisions, which are never evicted",
    DEFAULT_LIMITS.eventsBytesMax,
  ),
  findingsBytesMax: bytes(
    "WEIR_FINDINGS_MAX_BYTES",
    "Size of what observers found",
    DEFAULT_LIMITS.findingsBytesMax,
  ),
  deadLettersBytesMax: bytes(
    "WEIR_DEAD_LETTERS_MAX_BYTES",
    "Size of the dead letters",
    DEFAULT_LIMITS.deadLettersBytesMax,
  ),
  modelsBytesMax: bytes(
    "WEIR_MODELS_MAX_BYTES",
    "Size of all model versions in the object store",
    DEFAULT_LIMITS.modelsBytesMax,
  ),
  redeliveryWaitsMillis: integers(
    "WEIR_REDELIVERY_WAITS_MS",
    "Waits before a request that was not finished is delivered again, milliseconds",
    DEFAULT_LIMITS.redeliveryWaitsMillis,
    50,
    600_000,
  ),
  deliveriesMax: integer(
    "WEIR_MAX_DELIVERIES",
    "Deliveries of one request, more than there are waits; then it is a dead letter",
    DEFAULT_LIMITS.deliveriesMax,
    2,
    100,
  ),
  ackPendingMax: integer(
    "WEIR_MAX_ACK_PENDING",
    "Requests that all predictors together may hold",
    DEFAULT_LIMITS.ackPendingMax,
    1,
    1_000_000,
  ),
} as const

export const natsSettingsOf = (
  values: ValuesOf<typeof natsSettings>,
  name: string,
): NatsSettings => ({
  servers: values.natsUrl,
  name,
  user: values.natsUser,
  password: values.natsPassword,
  token: values.natsToken,
})

/**
 * The limits among the values of a process.
 *
 * @throws SettingsInvalid when they contradict one another.
 */
export const limitsOf = (values: ValuesOf<typeof limitSettings>): LogLimits => {
  const limits: LogLimits = values
  if (limits.deliveriesMax <= limits.redeliveryWaitsMillis.length)
    throw new SettingsInvalid({
      problems: [
        `WEIR_MAX_DELIVERIES: expected more than the ${limits.redeliveryWaitsMillis.length} ` +
          `waits of WEIR_REDELIVERY_WAITS_MS, got ${limits.deliveriesMax}`,
      ],
    })
  return limits
}

/** The environment that gives a process these limits. */
export const limitsEnvironment = (limits: LogLimits): Readonly<Record<string, string>> => {
  const values: ValuesOf<typeof limitSettings> = limits
  return showSettings(limitSettings, values)
}
