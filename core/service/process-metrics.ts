// What every process says about itself: CPU, memory, file descriptors, and how late its event loop
// is. Of prom-client's defaults only those that mean something under Bun.
import { collectDefaultMetrics, Gauge, Registry } from "prom-client"

const KEPT = /^(process_|nodejs_eventloop_lag_)/u
/** A virtual address space is reserved, not used. */
const DROPPED: ReadonlySet<string> = new Set(["process_virtual_memory_bytes"])

/** Registers them. Call it once for each registry. */
export const registerProcessMetrics = (registry: Registry): void => {
  const defaults = new Registry()
  collectDefaultMetrics({ register: defaults })
  for (const { name } of defaults.getMetricsAsArray()) {
    const metric = defaults.getSingleMetric(name)
    if (metric !== undefined && KEPT.test(name) && !DROPPED.has(name))
      registry.registerMetric(metric)
  }
}

/** A gauge that is read when it is asked for; without a value it is left out. */
export const registerGauge = (
  registry: Registry,
  name: string,
  help: string,
  read: () => number | undefined,
): void => {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: () => {
      const value = read()
      if (value === undefined) gauge.remove({})
      else gauge.set(value)
    },
  })
}
