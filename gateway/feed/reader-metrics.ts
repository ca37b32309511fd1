// How many callers hold a connection for longer than one answer takes.
import type { Registry } from "prom-client"
import { registerGauge } from "#core/service/process-metrics"

export interface Readers {
  readonly polls: () => number
  readonly bulk: { readonly running: number }
  readonly feeds: { readonly readers: number }
}

export const registerReaders = (registry: Registry, { polls, bulk, feeds }: Readers): void => {
  registerGauge(registry, "weir_gateway_polls_waiting", "Polls that wait for an answer", polls)
  registerGauge(
    registry,
    "weir_gateway_bulks_running",
    "Requests of many lines that are being answered",
    () => bulk.running,
  )
  registerGauge(
    registry,
    "weir_gateway_feed_readers",
    "Readers that follow the feed of a model",
    () => feeds.readers,
  )
}
