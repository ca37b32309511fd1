// `bench soak`: whether it stays as it is. 70 % of what saturates it, for 10 minutes, with a look
// at memory, files, redeliveries and the lag of the long log every few seconds.
import { HistoryMeter } from "#core/log/history"
import { lookAtQueue } from "../../cli/laboratory/queue.ts"
import type { Bench, BenchOptions } from "../bench-command.ts"
import { latencyOf, type Latency } from "../load/histogram.ts"
import type { LoadResult } from "../load/plan.ts"
import type { Cell } from "../measure/cell.ts"
import { usageOf } from "../measure/processes.ts"
import { measurePredict, warmUp } from "../measure/weir-cells.ts"
import { millis, whole } from "../report/markdown.ts"
import type { Mark, TextTable } from "../report/report.ts"
import { startWeir, type WeirLaboratory } from "../systems/weir.ts"

const SECONDS = 600
const SATURATION_SECONDS = 10
const SATURATION_CALLERS = 32
const SHARE = 0.7
const LOOK_INTERVAL_MILLIS = 5_000
const MIB = 1_024 ** 2
/** A later quarter of the run may be so much slower than the first that counts. */
const FLAT_RATIO_MAX = 1.5
const FLAT_FILES = 8
const LAG_MAX = 10_000
/** Memory breathes with each collection; a leak at this rate of requests is far above it. */
const MEMORY_GROWTH_MAX = 1.1

interface Look {
  readonly second: number
  readonly rss: ReadonlyMap<string, number>
  readonly openFiles: number
  readonly lag: number
  readonly queued: number
}

const look = async (weir: WeirLaboratory, meter: HistoryMeter, second: number): Promise<Look> => {
  const usages = weir.parts().map(({ name, pids }) => [name, usageOf(pids)] as const)
  const { log, limits } = weir.laboratory
  const [queue, { lag }] = await Promise.all([
    lookAtQueue(log),
    meter.status(limits.predictionsMessagesMax),
  ])
  return {
    second,
    rss: new Map(usages.map(([name, { rssBytes }]) => [name, rssBytes])),
    openFiles: usages.reduce((sum, [, usage]) => sum + usage.openFiles, 0),
    lag,
    queued: queue.messages,
  }
}

/** Slope of a least-squares line through the second half, per hour of the run. */
export const slopePerHour = (points: ReadonlyArray<readonly [second: number, value: number]>) => {
  const half = points.slice(points.length >> 1)
  const mean = (at: 0 | 1) => half.reduce((sum, point) => sum + point[at], 0) / half.length
  const [x, y] = [mean(0), mean(1)]
  const above = half.reduce((sum, [second, value]) => sum + (second - x) * (value - y), 0)
  const below = half.reduce((sum, [second]) => sum + (second - x) ** 2, 0)
  return below === 0 ? 0 : (above / below) * 3_600
}

/** Latency of the quarters of the run. */
const quarters = ({ stretches }: LoadResult): ReadonlyArray<Latency> =>
  [0, 1, 2, 3].map((quarter) => {
    const from = Math.floor((quarter * stretches.length) / 4)
    const to = Math.max(from + 1, Math.floor(((quarter + 1) * stretches.length) / 4))
    const parts = stretches.slice(from, to).map(({ histogram }) => histogram)
    return latencyOf({
      buckets: parts.flatMap(({ buckets }) => buckets),
      sumMillis: parts.reduce((sum, { sumMillis }) => sum + sumMillis, 0),
      maxMillis: Math.max(0, ...parts.map(({ maxMillis }) => maxMillis)),
    })
  })

const slopesTable = (looks: ReadonlyArray<Look>): TextTable => ({
  title: "Memory over the run",
  columns: ["process", "RSS at first, MiB", "at the end, MiB", "slope of the second half, MiB/h"],
  rows: ["gateway", "predictor", "nats-server"].map((name) => {
    const points = looks.map(({ second, rss }) => [second, (rss.get(name) ?? 0) / MIB] as const)
    return [
      name,
      whole(points[0]?.[1] ?? 0),
      whole(points.at(-1)?.[1] ?? 0),
      slopePerHour(points).toFixed(1),
    ]
  }),
})

const quartersTable = (parts: ReadonlyArray<Latency>): TextTable => ({
  title: "Latency by quarter, ms",
  columns: ["quarter", "p50", "p99", "p99.9", "max"],
  rows: parts.map((part, at) => [
    String(at + 1),
    ...[part.p50, part.p99, part.p999, part.max].map(millis),
  ]),
})

const must = (figure: string, got: number, most: number, unit = ""): Mark => ({
  figure,
  got: `${Math.round(got * 100) / 100}${unit}`,
  must: { text: `≤ ${most}${unit}`, held: got <= most },
})

interface Rate {
  readonly perSecond: number
  /** What it is a share of; undefined where the rate was given. */
  readonly saturation?: Cell
}

const rateOf = async (weir: WeirLaboratory, options: BenchOptions): Promise<Rate> => {
  if (options.rate !== undefined) return { perSecond: options.rate }
  const { cell } = await measurePredict(weir, {
    loop: { kind: "closed", callers: SATURATION_CALLERS },
    rows: 1,
    seconds: Math.min(SATURATION_SECONDS, options.seconds ?? SATURATION_SECONDS),
    warmUpSeconds: options.warmUpSeconds,
  })
  return { perSecond: Math.max(1, Math.floor(cell.perSecond * SHARE)), saturation: cell }
}

/** Of what the rate is a share. */
const rateText = ({ perSecond, saturation }: Rate): string =>
  saturation === undefined
    ? `${whole(perSecond)} a second were asked for.`
    : `${whole(perSecond)} a second are ${SHARE * 100} % of what saturates it: the ` +
      `${whole(saturation.perSecond)} that ${SATURATION_CALLERS} callers, each waiting for its ` +
      `answer, got in ${Math.round(saturation.seconds)} s just before.`

/** Of the requests beside the queue, which no consumer counts: all, and those that came late. */
const fastRequests = async ({ url }: WeirLaboratory) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return readFastRequests(text)
}

/** Throws where the gateway does not count them: no figure is not 0. */
export const readFastRequests = (metrics: string) => {
  const read = (name: string): number => {
    const found = new RegExp(`^${name} (\\d+)$`, "m").exec(metrics)?.[1]
    if (found === undefined) throw new Error(`the gateway's metrics have no ${name}`)
    return Number(found)
  }
  return {
    sent: read("weir_gateway_fast_requests_total"),
    late: read("weir_gateway_fast_requests_late_total"),
  }
}

/** Memory of all processes together when the run ended, against when half of it was over. */
const memoryGrowth = (looks: ReadonlyArray<Look>): number => {
  const sumOf = (at: Look | undefined) => [...(at?.rss.values() ?? [])].reduce((a, b) => a + b, 0)
  return sumOf(looks.at(-1)) / Math.max(1, sumOf(looks[looks.length >> 1]))
}

interface Counts {
  readonly redelivered: number
  readonly fast: { readonly sent: number; readonly late: number }
  readonly filesKept: number
}

/**
 * p99 of the last quarter against the better of the first two. What disturbs a quarter makes it
 * slower and hardly ever faster: the better one is what the system does when it is left alone, and
 * the worse one would hide as much of a slowdown as it was disturbed.
 */
export const slowdownOf = ([first, second, , last]: ReadonlyArray<Pick<Latency, "p99">>) =>
  (last?.p99 ?? NaN) / Math.min(first?.p99 ?? NaN, second?.p99 ?? NaN)

const marksOf = (
  parts: ReadonlyArray<Latency>,
  looks: ReadonlyArray<Look>,
  { redelivered, fast, filesKept }: Counts,
): ReadonlyArray<Mark> => {
  const slowdown = slowdownOf(parts)
  return [
    must("redeliveries by the queue", redelivered, 0),
    {
      figure: "requests beside the queue whose fact was late",
      got: `${whole(fast.late)} of ${whole(fast.sent)}`,
      aim: { text: "0", held: fast.late === 0 },
    },
    must("memory at the end ÷ at half time", memoryGrowth(looks), MEMORY_GROWTH_MAX),
    must("p99 of the last quarter ÷ of the better of the first two", slowdown, FLAT_RATIO_MAX),
    // Meanwhile they are mostly connections of the generator, one for each request that waits.
    must("open files, when the callers have gone − before they came", filesKept, FLAT_FILES),
    must("true lag of the long log, most", Math.max(...looks.map(({ lag }) => lag)), LAG_MAX),
  ]
}

const run = async (weir: WeirLaboratory, options: BenchOptions) => {
  const seconds = options.seconds ?? SECONDS
  await warmUp(weir, options.warmUpSeconds)
  const rate = await rateOf(weir, options)
  const { perSecond } = rate
  options.say(`${whole(perSecond)} requests a second for ${seconds} s`)
  const before = await lookAtQueue(weir.laboratory.log)
  const fastBefore = await fastRequests(weir)
  const meter = new HistoryMeter(weir.laboratory.log, () => performance.now())
  const { openFiles: filesBefore } = await look(weir, meter, 0)
  const looks: Array<Look> = []
  const began = performance.now()
  const watch = setInterval(
    () => {
      const second = (performance.now() - began) / 1_000
      void look(weir, meter, second).then((found) => looks.push(found))
    },
    Math.min(LOOK_INTERVAL_MILLIS, (seconds * 1_000) / 4),
  )
  const { cell, load } = await measurePredict(weir, {
    loop: { kind: "open", perSecond },
    rows: 1,
    seconds,
    warmUpSeconds: options.warmUpSeconds,
  }).finally(() => clearInterval(watch))
  const last = await look(weir, meter, (performance.now() - began) / 1_000)
  looks.push(last)
  const filesKept = last.openFiles - filesBefore
  const after = await lookAtQueue(weir.laboratory.log)
  const fastAfter = await fastRequests(weir)
  const fast = { sent: fastAfter.sent - fastBefore.sent, late: fastAfter.late - fastBefore.late }
  const delivered = after.deliveries - before.deliveries
  const redelivered = delivered - (after.lastSequence - before.lastSequence)
  return { rate, cell, load, looks, redelivered, fast, filesKept }
}

export const soak: Bench = {
  name: "soak",
  summary: "10 minutes at 70 % of saturation: latency, memory, files, redeliveries, lag",
  run: async (options) => {
    const weir = await startWeir()
    try {
      const { rate, cell, load, looks, ...counts } = await run(weir, options)
      const parts = quarters(load)
      return {
        name: "soak",
        title:
          rate.saturation === undefined
            ? `At ${whole(rate.perSecond)} requests a second`
            : `At ${SHARE * 100} % of saturation`,
        cells: rate.saturation === undefined ? [cell] : [rate.saturation, cell],
        tables: [quartersTable(parts), slopesTable(looks)],
        marks: marksOf(parts, looks, counts),
        notes: [
          rateText(rate),
          "The slope counts only when the hot log has its 200,000 facts, within the first minute.",
        ],
        chart: {
          kind: "lines",
          title: "p99 over the run, ms",
          across: "s",
          lines: [
            {
              name: "p99",
              points: load.stretches.map(
                ({ fromSecond, histogram }) => [fromSecond, latencyOf(histogram).p99] as const,
              ),
            },
          ],
        },
      }
    } finally {
      await weir.stop()
    }
  },
}
