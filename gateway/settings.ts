// What can be configured of a gateway, and what must hold between its limits and the server's.
import { Schema } from "effect"
import { limitSettings, loggingSettings, natsSettings } from "#core/service/process-settings"
import { readPeers } from "#core/service/merged-metrics"
import { tracingSettings } from "#core/service/tracing"
import {
  choice,
  formed,
  integer,
  optionalText,
  port,
  portOrNone,
  secret,
  text,
  toggle,
  type ValuesOf,
} from "#core/service/settings"

/** Longest time that a caller may ask to wait for an answer; 10 minutes. */
export const TIMEOUT_MAX_MILLIS = 600_000
/** What a predictor assumes where a request names no deadline. */
export const TIMEOUT_UNNAMED_MILLIS = 30_000
/** Room in a message for everything but the tensors of a request and of its answer. */
export const MESSAGE_OVERHEAD_BYTES = 65_536

export const gatewaySettings = {
  ...natsSettings,
  ...loggingSettings,
  ...limitSettings,
  ...tracingSettings,
  port: port("WEIR_PORT", "Port of the HTTP server; 0 takes any free one", 8_080),
  grpcPort: portOrNone(
    "WEIR_GRPC_PORT",
    "Port of the gRPC server; 0 takes any free one, none for no gRPC",
    8_081,
  ),
  host: text("WEIR_HOST", "Address that the HTTP server listens on", "127.0.0.1"),
  requestBytesMax: integer(
    "WEIR_REQUEST_MAX_BYTES",
    "Largest request, as it comes and as it is published, bytes; a larger one is refused",
    3_500_000,
    1_024,
    64_000_000,
  ),
  outputBytesMax: integer(
    "WEIR_OUTPUT_MAX_BYTES",
    "Largest output of one request, bytes; a larger one is a failure that names this limit",
    4_000_000,
    1_024,
    64_000_000,
  ),
  timeoutDefaultMillis: integer(
    "WEIR_DEFAULT_TIMEOUT_MS",
    "How long a request waits for its answer where it names no deadline, milliseconds",
    TIMEOUT_UNNAMED_MILLIS,
    1,
    TIMEOUT_MAX_MILLIS,
  ),
  inFlightMax: integer(
    "WEIR_IN_FLIGHT_MAX",
    "Requests here at once, from their head to their answer; more are refused with 429",
    8_192,
    1,
    1_000_000,
  ),
  inFlightBytesMax: integer(
    "WEIR_IN_FLIGHT_MAX_BYTES",
    "Size of those requests together, bytes; it bounds the memory, more are refused with 429",
    268_435_456,
    1_024,
    68_719_476_736,
  ),
  bodyWaitMillis: integer(
    "WEIR_BODY_WAIT_MS",
    "How long a body may take to come whole, milliseconds; then 408, and the connection is closed",
    30_000,
    10,
    TIMEOUT_MAX_MILLIS,
  ),
  publishWaitMillis: integer(
    "WEIR_PUBLISH_WAIT_MS",
    "How long a publish is repeated before 503, milliseconds; lost leaders are replaced in 6 s",
    10_000,
    100,
    TIMEOUT_MAX_MILLIS,
  ),
  fastLane: toggle(
    "WEIR_FAST_LANE",
    "Whether requests may go beside the queue while answers take milliseconds (not with traces)",
    true,
  ),
  serverName: text(
    "WEIR_SERVER_NAME",
    "Name of the server in GET /v2; triton for clients that insist on it",
    "weir",
  ),
  loadWaitMillis: integer(
    "WEIR_LOAD_WAIT_MS",
    "How long a load over the protocol may wait for a predictor to be ready, milliseconds",
    30_000,
    100,
    TIMEOUT_MAX_MILLIS,
  ),
  shedStatus: choice(
    "WEIR_SHED_STATUS",
    "Status of refusals of load; 503 for clients that expect what Triton answers",
    "429",
    ["429", "503"],
  ),
  auth: choice(
    "WEIR_AUTH",
    "Whether callers need an API key; auto: unless only this machine can call (WEIR_HOST)",
    "auto",
    ["auto", "required", "off"],
  ),
  keyPepper: secret(
    "WEIR_KEY_PEPPER",
    "Under what API keys are digested, the same at all gateways; else a file in WEIR_DATA is made",
  ),
  monitorUrl: optionalText(
    "NATS_MONITOR_URL",
    "The NATS server's monitoring pages, which alone say whether it syncs before it acknowledges",
  ),
  metricsPeers: formed(
    "WEIR_METRICS_PEERS",
    "Other processes whose metrics /metrics shows as well, as name=URL with commas between them",
    readPeers,
  ),
  slowMillis: integer(
    "WEIR_SLOW_REQUEST_MS",
    "A request that takes so long gets a line in the log of the process, milliseconds; 0 for none",
    2_000,
    0,
    TIMEOUT_MAX_MILLIS,
  ),
  metricsPublic: toggle(
    "WEIR_METRICS_PUBLIC",
    "Whether /metrics needs no key where other routes do",
    false,
  ),
  data: text(
    "WEIR_DATA",
    "Folder for the pepper of API keys where none is configured",
    ".weir/data",
  ),
  corsOrigins: text(
    "WEIR_CORS_ORIGINS",
    "Origins whose pages may read answers, with commas between them; * for any, empty for none",
    "",
  ),
  compressMinCharacters: integer(
    "WEIR_COMPRESS_MIN",
    "Answers of fewer characters are not compressed; for small ones gzip costs more than it saves",
    8_192,
    1_024,
    64_000_000,
  ),
  bulksMax: integer(
    "WEIR_BULKS_MAX",
    "Requests of many lines answered at once; each holds up to 8 MiB here",
    64,
    1,
    10_000,
  ),
  bulksPerCaller: integer(
    "WEIR_BULKS_PER_CALLER",
    "Of these, those of one caller; without keys callers are not told apart",
    16,
    1,
    10_000,
  ),
  streamsMax: integer(
    "WEIR_GRPC_STREAMS_MAX",
    "Streams of inference requests over gRPC at once; each holds up to 64 requests here",
    256,
    1,
    10_000,
  ),
  streamsPerCaller: integer(
    "WEIR_GRPC_STREAMS_PER_CALLER",
    "Of these, those of one caller; without keys callers are not told apart",
    64,
    1,
    10_000,
  ),
  pollsMax: integer(
    "WEIR_POLLS_MAX",
    "Polls that wait for an answer at once; others are told at once what is known",
    4_096,
    1,
    1_000_000,
  ),
  pollsPerCaller: integer(
    "WEIR_POLLS_PER_CALLER",
    "Of these, those of one caller; without keys callers are not told apart",
    1_024,
    1,
    1_000_000,
  ),
  feedReadersMax: integer(
    "WEIR_FEED_READERS_MAX",
    "Readers of feeds at once; each holds a consumer on the server and some messages here",
    256,
    1,
    10_000,
  ),
  feedReadersPerCaller: integer(
    "WEIR_FEED_READERS_PER_CALLER",
    "Of these, those of one caller; without keys callers are not told apart",
    64,
    1,
    10_000,
  ),
  drainNoticeMillis: integer(
    "WEIR_DRAIN_NOTICE_MS",
    "How long a gateway that was told to stop is not ready but still answers, milliseconds",
    500,
    0,
    TIMEOUT_MAX_MILLIS,
  ),
  drainMaxMillis: integer(
    "WEIR_DRAIN_MAX_MS",
    "How long it then waits for the answers that are missing, milliseconds",
    31_000,
    0,
    TIMEOUT_MAX_MILLIS,
  ),
} as const

export type GatewaySettings = ValuesOf<typeof gatewaySettings>

export class LimitsTooLarge extends Schema.TaggedError<LimitsTooLarge>()("LimitsTooLarge", {
  sum: Schema.Finite,
  maxPayload: Schema.Finite,
}) {
  override get message() {
    return (
      `WEIR_REQUEST_MAX_BYTES + WEIR_OUTPUT_MAX_BYTES + ${MESSAGE_OVERHEAD_BYTES} is ` +
      `${this.sum} bytes, more than the ${this.maxPayload} of the server's max_payload: ` +
      "lower them or raise it"
    )
  }
}

/**
 * A fact holds a request and its answer, so both together must fit into one message.
 *
 * @throws LimitsTooLarge
 */
export const checkLimits = (
  settings: Pick<GatewaySettings, "requestBytesMax" | "outputBytesMax">,
  maxPayload: number,
): void => {
  const sum = settings.requestBytesMax + settings.outputBytesMax + MESSAGE_OVERHEAD_BYTES
  if (sum > maxPayload) throw new LimitsTooLarge({ sum, maxPayload })
}
