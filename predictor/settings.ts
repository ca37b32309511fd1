// What can be configured of a predictor.
import { limitSettings, loggingSettings, natsSettings } from "../core/service/process-settings.ts"
import { tracingSettings } from "../core/service/tracing.ts"
import { integer, port, SettingsInvalid, text, type ValuesOf } from "../core/service/settings.ts"

export const predictorSettings = {
  ...natsSettings,
  ...loggingSettings,
  ...limitSettings,
  ...tracingSettings,
  data: text("WEIR_DATA", "Folder for the cache of model bytes", ".weir/data"),
  workers: integer(
    "WEIR_WORKERS",
    "Worker threads for models whose run takes long; 0 takes the cores but one, at least one",
    0,
    0,
    64,
  ),
  inlineMaxMicros: integer(
    "WEIR_INLINE_MAX_US",
    "Longest batch that is run without a worker thread, which adds 60 to 150, microseconds",
    200,
    0,
    1_000_000,
  ),
  prefetchMax: integer(
    "WEIR_PREFETCH_MAX",
    "Requests that this predictor holds; what a killed one holds waits for the first redelivery",
    1_024,
    1,
    100_000,
  ),
  holdTargetMillis: integer(
    "WEIR_HOLD_TARGET_MS",
    "A slow model's predictor holds no more requests than it finishes in this time, milliseconds",
    250,
    10,
    60_000,
  ),
  heldMaxMillis: integer(
    "WEIR_HELD_MAX_MS",
    "A request held for longer is left to redelivery: its run hangs, or the log, milliseconds",
    120_000,
    100,
    3_600_000,
  ),
  runMaxMillis: integer(
    "WEIR_RUN_MAX_MS",
    "Longest run, below WEIR_HELD_MAX_MS; one that takes longer ends the process, milliseconds",
    30_000,
    500,
    3_600_000,
  ),
  outputBytesMax: integer(
    "WEIR_OUTPUT_MAX_BYTES",
    "Largest output of one request, bytes; a larger one is a failure that names this limit",
    4_000_000,
    1_024,
    64_000_000,
  ),
  requestBytesMax: integer(
    "WEIR_REQUEST_MAX_BYTES",
    "Largest request, bytes; a larger one is refused",
    3_500_000,
    1_024,
    64_000_000,
  ),
  sweepMillis: integer(
    "WEIR_SWEEP_INTERVAL_MS",
    "Between two looks for requests that nobody will deliver any more, milliseconds",
    60_000,
    100,
    3_600_000,
  ),
  sweepMarginMillis: integer(
    "WEIR_SWEEP_MARGIN_MS",
    "Added to WEIR_HELD_MAX_MS and all redelivery waits before one is touched, milliseconds",
    10_000,
    100,
    3_600_000,
  ),
  statusPort: port("WEIR_STATUS_PORT", "Port of health and metrics; 0 takes any free one", 0),
  statusHost: text("WEIR_STATUS_HOST", "Address of health and metrics", "127.0.0.1"),
} as const

export type PredictorSettings = ValuesOf<typeof predictorSettings>

/** Throws when a run may outlive the hold on its request, which would be begun elsewhere too. */
export const checkRunMax = ({ runMaxMillis, heldMaxMillis }: PredictorSettings): void => {
  if (runMaxMillis >= heldMaxMillis)
    throw new SettingsInvalid({
      problems: [
        `WEIR_RUN_MAX_MS: expected less than the ${heldMaxMillis} of WEIR_HELD_MAX_MS, ` +
          `got ${runMaxMillis}`,
      ],
    })
}

/** Of a message, beside the tensors of a request and of its answer. */
const MESSAGE_OVERHEAD_BYTES = 65_536

/** Throws when a request and its answer could not be stored in one message, as a fact needs it. */
export const checkSizes = (
  { requestBytesMax, outputBytesMax }: PredictorSettings,
  maxPayloadBytes: number,
): void => {
  const sum = requestBytesMax + outputBytesMax + MESSAGE_OVERHEAD_BYTES
  if (sum > maxPayloadBytes)
    throw new Error(
      `WEIR_REQUEST_MAX_BYTES + WEIR_OUTPUT_MAX_BYTES + ${MESSAGE_OVERHEAD_BYTES} is ${sum}, ` +
        `more than the ${maxPayloadBytes} of the server's max_payload: lower them or raise it`,
    )
}
