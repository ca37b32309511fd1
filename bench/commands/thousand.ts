// `bench 1000rpm`: what a caller of an ordinary service feels. 1,000 requests a minute at fixed
// times, for minutes; the generator's own lateness counts in.
import { millis } from "../report/markdown.ts"
import type { Mark } from "../report/report.ts"
import { measurePredict, warmUp } from "../measure/weir-cells.ts"
import type { Cell } from "../measure/cell.ts"
import { latencyOf } from "../load/histogram.ts"
import { startWeir } from "../systems/weir.ts"
import type { Bench } from "../bench-command.ts"

const PER_SECOND = 1_000 / 60
const SECONDS = 300

const mark = (figure: string, got: number, must: number, aim?: number): Mark => ({
  figure,
  got: `${millis(got)} ms`,
  must: { text: `< ${must} ms`, held: got < must },
  ...(aim === undefined ? {} : { aim: { text: `< ${aim} ms`, held: got < aim } }),
})

const marksOf = (cell: Cell): ReadonlyArray<Mark> => [
  mark("p50", cell.latency.p50, 2, 1),
  mark("p99", cell.latency.p99, 15, 5),
  mark("max", cell.latency.max, 200),
]

export const thousand: Bench = {
  name: "1000rpm",
  summary: "1,000 requests a minute at fixed times, for 5 minutes",
  run: async ({ seconds, warmUpSeconds, say }) => {
    const weir = await startWeir()
    try {
      const checked = await warmUp(weir, warmUpSeconds)
      say(`${checked} answers checked; 1,000 requests a minute for ${seconds ?? SECONDS} s`)
      const { cell, load } = await measurePredict(weir, {
        loop: { kind: "open", perSecond: PER_SECOND },
        rows: 1,
        seconds: seconds ?? SECONDS,
        warmUpSeconds,
      })
      const points = (part: "p50" | "p99") =>
        load.stretches.map(
          ({ fromSecond, histogram }) => [fromSecond, latencyOf(histogram)[part]] as const,
        )
      return {
        name: "1000rpm",
        title: "1,000 requests a minute",
        cells: [cell],
        tables: [],
        marks: marksOf(cell),
        notes: [
          "Latency counts from the time at which a request should have been sent. The generator " +
            `itself was late by ${millis(cell.latenessP99)} ms (p99), which is part of it.`,
        ],
        chart: {
          kind: "lines",
          title: "Latency of 1,000 requests a minute, ms",
          across: "s",
          lines: [
            { name: "p50", points: points("p50") },
            { name: "p99", points: points("p99") },
          ],
        },
      }
    } finally {
      await weir.stop()
    }
  },
}
