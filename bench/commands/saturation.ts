// `bench saturation`: as much as callers that wait for their answers can ask, over HTTP and
// straight to the queue, with 1 and with 32 rows a request; and the memory that it takes.
import type { Bench, BenchOptions } from "../bench-command.ts"
import { runWrk } from "../load/wrk.ts"
import type { Cell } from "../measure/cell.ts"
import { usageOf } from "../measure/processes.ts"
import { measurePredict, measureQueue, memoryOf, warmUp } from "../measure/weir-cells.ts"
import { millis, whole } from "../report/markdown.ts"
import type { Findings, Mark } from "../report/report.ts"
import { predictTarget, startWeir, type WeirLaboratory, type WeirOptions } from "../systems/weir.ts"

export const CALLERS = [1, 32, 128] as const
export const ROWS = [1, 32] as const
const QUEUE_CALLERS = [32, 128] as const
const SECONDS = 5
const MB = 1_000_000

const idleBytes = (weir: WeirLaboratory): number =>
  weir.parts().reduce((sum, { pids }) => sum + usageOf(pids).rssBytes, 0)

const memoryMark = (when: string, bytes: number, must: number, aim: number): Mark => ({
  figure: `memory of gateway, predictor and server, ${when} (RSS)`,
  got: `${whole(bytes / MB)} MB`,
  must: { text: `≤ ${must} MB`, held: bytes <= must * MB },
  aim: { text: `≤ ${aim} MB`, held: bytes <= aim * MB },
})

const describe = (cell: Cell): string =>
  `  ${cell.form}, ${cell.rowsPerRequest} rows, ${cell.load}: ${whole(cell.perSecond)} req/s, ` +
  `p50 ${cell.latency.p50.toFixed(2)} ms, p99 ${cell.latency.p99.toFixed(2)} ms`

/** Every cell of one Weir. */
const cellsOf = async (weir: WeirLaboratory, options: BenchOptions, isQueueToo: boolean) => {
  const cells: Array<Cell> = []
  const seconds = options.seconds ?? SECONDS
  const { warmUpSeconds } = options
  const add = (cell: Cell) => {
    cells.push(cell)
    options.say(describe(cell))
  }
  for (const rows of ROWS) {
    for (const callers of CALLERS) {
      const loop = { kind: "closed", callers } as const
      const measured = await measurePredict(weir, { loop, rows, seconds, warmUpSeconds })
      add(measured.cell)
    }
    for (const callers of isQueueToo ? QUEUE_CALLERS : []) {
      const loop = { kind: "closed", callers } as const
      const measured = { loop, rows, seconds, warmUpSeconds }
      for (const cell of await measureQueue(weir, weir.natsUrl, measured)) add(cell)
    }
  }
  return cells
}

/** What wrk says of one row a request; no table where it is not installed. */
const secondOpinion = async (weir: WeirLaboratory, options: BenchOptions) => {
  const rows: Array<ReadonlyArray<string>> = []
  const target = await predictTarget(weir.url, 1)
  for (const callers of CALLERS) {
    const found = await runWrk(target, callers, options.seconds ?? SECONDS)
    if (found === undefined) return []
    const { perSecond, p50Millis, p99Millis, errors } = found
    rows.push([`c=${callers}`, whole(perSecond), millis(p50Millis), millis(p99Millis), `${errors}`])
  }
  const columns = ["load", "req/s", "p50 ms", "p99 ms", "errors"]
  return [{ title: "A second opinion: wrk, 1 thread, 1 row", columns, rows }]
}

/** Saturates a Weir that is set up so; the findings have no name of their own. */
export const saturate = async (
  weirOptions: WeirOptions,
  options: BenchOptions,
  isQueueToo: boolean,
): Promise<Pick<Findings, "cells" | "marks" | "notes" | "tables">> => {
  const weir = await startWeir(weirOptions)
  try {
    const idle = idleBytes(weir)
    const checked = await warmUp(weir, options.warmUpSeconds)
    const cells = await cellsOf(weir, options, isQueueToo)
    const tables = await secondOpinion(weir, options)
    const loaded = Math.max(...cells.map(memoryOf))
    return {
      cells,
      tables,
      marks: [memoryMark("idle", idle, 300, 200), memoryMark("under load", loaded, 600, 400)],
      notes: [`${checked} answers were checked before: each was ONNX Runtime's own.`],
    }
  } finally {
    await weir.stop()
  }
}

export const saturation: Bench = {
  name: "saturation",
  summary: "1, 32 and 128 callers, 1 and 32 rows, over HTTP and NATS",
  run: async (options) => {
    const found = await saturate({}, options, true)
    return {
      ...found,
      name: "saturation",
      title: "Saturation",
      chart: {
        kind: "bars",
        title: "Rows a second",
        bars: found.cells.map((cell) => ({
          name: `${cell.form}, ${cell.rowsPerRequest} × ${cell.load}`,
          value: cell.rowsPerSecond,
          text: `${whole(cell.rowsPerSecond)}/s`,
        })),
      },
    }
  },
}

export const sync: Bench = {
  name: "sync",
  summary: "The same over HTTP, with the disk synced before each acknowledgement",
  run: async (options) => {
    const found = await saturate({ name: "Weir, sync always", sync: "always" }, options, false)
    return {
      ...found,
      name: "sync",
      title: "Saturation with sync always",
      notes: [
        ...found.notes,
        "Each request is synced twice: as a request, and as a fact. " +
          "`bench peers` has the ratio to FastAPI with a synced JetStream publish.",
      ],
    }
  },
}
