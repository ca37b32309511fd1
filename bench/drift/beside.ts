// Drift detection beside serving on the same cores: what it gets done there, and what a caller
// feels of it. Serving is measured with and without it in turn.
import { createInterface } from "node:readline"
import { join } from "node:path"
import { Readable } from "node:stream"
import { limitsEnvironment } from "#core/service/process-settings"
import { freePort } from "../../cli/port.ts"
import { startService } from "../../cli/programs/start-service.ts"
import type { BenchOptions } from "../bench-command.ts"
import { hold, holdFolder } from "../clean-ups.ts"
import type { Loop } from "../load/plan.ts"
import type { Cell, Subject } from "../measure/cell.ts"
import { measurePredict, warmUp } from "../measure/weir-cells.ts"
import { startWeir, type WeirLaboratory } from "../systems/weir.ts"
import { WINDOW_ROWS } from "./arrays.ts"

/** Long enough for a p99 at the lowest rate that is not of a dozen requests. */
const SECONDS = 12
const ROUNDS = 3
const SATURATION_CALLERS = 32
/** Twelve and sixty times the thousand a minute that Weir is made for at least. */
const LIVE_PER_SECOND = [200, 1_000]
/** Of what saturates it: a service is not run at its limit. */
const LIVE_SHARE = 0.5
const STOP_WAIT_MILLIS = 20_000
const READY_WAIT_MILLIS = 60_000
const LOOK_AGAIN_MILLIS = 50
/** It has nothing pending before it has begun, either. */
const CAUGHT_UP_MILLIS = 2_000
/** What it has not read, for windows and for the quality of answers. */
const PENDING = ["weir_drift_facts_pending", "weir_drift_performance_messages_pending"]
const QUEUED = "weir_drift_windows_queued"
/** What comes in while one looks is always pending. */
const FACTS_PENDING_MAX = 50
const LOOPBACK = "127.0.0.1"

/** The windows of the targets: 500 rows against 2,000, every feature and all together. */
const CONFIG = `defaults:
  window: { rows: 500 }
  reference: { first: 2000 }
  mmd: { rows: 2000, permutations: 100 }
`

interface Monitor {
  readonly pid: number
  readonly stop: () => Promise<void>
  /** Rows of all windows that were tested. */
  readonly rows: () => Promise<number>
  /** Resolves when it has read what is stored. */
  readonly caughtUp: () => Promise<void>
}

const startMonitor = async (weir: WeirLaboratory, config: string): Promise<Monitor> => {
  const port = freePort(LOOPBACK)
  const spec = {
    environment: {
      NATS_URL: weir.natsUrl,
      // Drift there is, since few rows are sent again and again; it is not what is asked here.
      LOG_LEVEL: "error",
      DRIFT_CONFIG: config,
      WEIR_STATUS_PORT: String(port),
      ...limitsEnvironment(weir.laboratory.limits),
    },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: (line: string) => console.log(`  drift-monitor: ${line}`),
  }
  const { made, undo: stop } = hold(
    () => startService("drift-monitor", spec),
    async (starting) => (await starting).stop(),
  )
  const { pid } = await made
  const sumOf = async (name: string) => {
    const text = await (await fetch(`http://${LOOPBACK}:${port}/metrics`)).text()
    const found = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, "gm"))]
    return found.length === 0 ? undefined : found.reduce((sum, [, n]) => sum + Number(n), 0)
  }
  const caughtUp = async () => {
    const deadline = performance.now() + READY_WAIT_MILLIS
    const pending = async () => {
      const all = await Promise.all([...PENDING, QUEUED].map(sumOf)).catch(() => [undefined])
      const isQueued = all.at(-1) !== 0
      return isQueued ? Infinity : Math.max(...all.map((count) => count ?? Infinity))
    }
    let since = performance.now()
    while (performance.now() - since < CAUGHT_UP_MILLIS) {
      if ((await pending()) > FACTS_PENDING_MAX) since = performance.now()
      if (performance.now() > deadline) throw new Error("the drift-monitor does not keep up")
      await Bun.sleep(LOOK_AGAIN_MILLIS)
    }
  }
  const rows = async () => WINDOW_ROWS * ((await sumOf("weir_drift_windows_total")) ?? 0)
  return { pid, stop, rows, caughtUp }
}

export interface Compared {
  readonly load: string
  readonly without: ReadonlyArray<Cell>
  readonly beside: ReadonlyArray<Cell>
  /** Rows that the monitor tested a second meanwhile. */
  readonly rowsPerSecond: number
}

const cellOf = async (
  weir: WeirLaboratory,
  subject: Pick<Subject, "name" | "parts">,
  loop: Loop,
  o: BenchOptions,
) => {
  const options = { loop, rows: 1, seconds: o.seconds ?? SECONDS, warmUpSeconds: o.warmUpSeconds }
  return (await measurePredict({ ...weir, ...subject }, options)).cell
}

/**
 * One load without the monitor and with it, in turn. It is started anew each time, and measured
 * when it has read what it missed, which is also when its code is compiled.
 */
const compare = async (
  weir: WeirLaboratory,
  loop: Loop,
  config: string,
  options: BenchOptions,
): Promise<Compared> => {
  const [without, beside]: [Array<Cell>, Array<Cell>] = [[], []]
  let rows = 0
  let seconds = 0
  for (let round = 0; round < (options.rounds ?? ROUNDS); round++) {
    without.push(await cellOf(weir, { ...weir, name: "Weir alone" }, loop, options))
    const monitor = await startMonitor(weir, config)
    try {
      await monitor.caughtUp()
      const parts = () => [...weir.parts(), { name: "drift-monitor", pids: [monitor.pid] }]
      const before = await monitor.rows()
      const began = performance.now()
      beside.push(await cellOf(weir, { name: "with drift-monitor", parts }, loop, options))
      await monitor.caughtUp()
      seconds += (performance.now() - began) / 1_000
      rows += (await monitor.rows()) - before
    } finally {
      await monitor.stop()
    }
  }
  const load = without[0]?.load ?? ""
  options.say(`  ${load}: done without and with the drift-monitor`)
  return { load, without, beside, rowsPerSecond: rows / seconds }
}

/** What the tests' process says of itself. */
interface Told {
  readonly rowsPerSecond: number
  /** By the time that it had a core, which does not depend on who else wanted one. */
  readonly rowsPerCoreSecond: number
}

export interface Evaluated extends Told {
  readonly cell: Cell
}

/** The tests as fast as one process does them, while Weir serves. */
const evaluateBeside = async (
  weir: WeirLaboratory,
  loop: Loop,
  options: BenchOptions,
): Promise<Evaluated> => {
  const script = join(import.meta.dir, "evaluation-process.ts")
  const { made: child, undo: end } = hold(
    () => Bun.spawn([process.execPath, script], { stdout: "pipe", stderr: "inherit" }),
    (running) => running.kill("SIGKILL"),
  )
  const lines = createInterface({ input: Readable.from(child.stdout) })[Symbol.asyncIterator]()
  try {
    await lines.next()
    const parts = () => [...weir.parts(), { name: "tests", pids: [child.pid] }]
    const cell = await cellOf(weir, { name: "beside all tests", parts }, loop, options)
    child.kill("SIGTERM")
    const last: IteratorResult<string> = await lines.next()
    const told: Told = JSON.parse(last.value)
    options.say(`  ${Math.round(told.rowsPerSecond)} rows a second tested beside ${cell.load}`)
    return { cell, ...told }
  } finally {
    await end()
  }
}

export interface Beside {
  /** What the rates were found by. */
  readonly saturated: Cell
  readonly evaluated: Evaluated
  readonly compared: ReadonlyArray<Compared>
}

export const measureBeside = async (options: BenchOptions): Promise<Beside> => {
  const { made: folder, undo: remove } = holdFolder("weir-drift-bench-")
  const config = join(folder, "drift.yaml")
  await Bun.write(config, CONFIG)
  const weir = await startWeir()
  try {
    await warmUp(weir, options.warmUpSeconds)
    const closed = { kind: "closed", callers: SATURATION_CALLERS } as const
    const saturated = await cellOf(weir, weir, closed, options)
    const half = Math.max(1, Math.floor(saturated.perSecond * LIVE_SHARE))
    const rates = options.rate === undefined ? [...LIVE_PER_SECOND, half] : [options.rate]
    const open = (perSecond: number) => ({ kind: "open", perSecond }) as const
    const evaluated = await evaluateBeside(weir, open(options.rate ?? half), options)
    const compared: Array<Compared> = []
    for (const loop of [...rates.map(open), closed])
      compared.push(await compare(weir, loop, config, options))
    return { saturated, evaluated, compared }
  } finally {
    await weir.stop()
    await remove()
  }
}
