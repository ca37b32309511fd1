// A load generator as a process of its own: `bun bench/load/main.ts`, with a plan as JSON on its
// input. It says when it begins and ends to record, and then what it recorded.
import { natsCaller } from "./nats-caller.ts"
import { HttpCaller } from "./http-caller.ts"
import { Histogram, type HistogramData } from "./histogram.ts"
import { closedLoop, openLoop, type Recorded } from "./loops.ts"
import type { LoadLine, LoadPlan, Loop } from "./plan.ts"
import type { Caller } from "./caller.ts"

/** So many stretches at most are reported of a run. */
const STRETCHES_MAX = 60
const STRETCH_MIN_SECONDS = 1
/** Above this rate a turn of the loop for each look at the clock would burn a whole core. */
const SPIN_PER_SECOND_MAX = 200
const COARSE_MILLIS = 1

const say = (line: LoadLine) => console.log(JSON.stringify(line))

const after = (perSecond: number) => (millis: number, call: () => void) => {
  if (millis > 0) setTimeout(call, millis)
  else if (perSecond <= SPIN_PER_SECOND_MAX) setImmediate(call)
  else setTimeout(call, COARSE_MILLIS)
}

const run = (
  caller: Caller,
  loop: Loop,
  seconds: number,
  record: (recorded: Recorded) => void,
): Promise<void> => {
  const common = { caller, seconds, now: () => performance.now(), record }
  return loop.kind === "closed"
    ? closedLoop({ ...common, callers: loop.callers })
    : openLoop({ ...common, perSecond: loop.perSecond, after: after(loop.perSecond) })
}

class Recording {
  readonly histogram = new Histogram()
  readonly lateness = new Histogram()
  readonly #errors = new Map<string, number>()
  readonly #stretches = new Map<number, Histogram>()
  readonly #stretchSeconds: number
  answered = 0

  constructor(seconds: number) {
    this.#stretchSeconds = Math.max(STRETCH_MIN_SECONDS, Math.ceil(seconds / STRETCHES_MAX))
  }

  add({ atMillis, latencyMillis, latenessMillis, error }: Recorded): void {
    if (error !== undefined) {
      this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
      return
    }
    this.answered++
    this.histogram.record(latencyMillis)
    if (latenessMillis > 0) this.lateness.record(latenessMillis)
    const at = Math.floor(atMillis / 1_000 / this.#stretchSeconds)
    let stretch = this.#stretches.get(at)
    if (stretch === undefined) this.#stretches.set(at, (stretch = new Histogram()))
    stretch.record(latencyMillis)
  }

  stretches(): ReadonlyArray<{ readonly fromSecond: number; readonly histogram: HistogramData }> {
    return [...this.#stretches].map(([at, histogram]) => ({
      fromSecond: at * this.#stretchSeconds,
      histogram: histogram.data(),
    }))
  }

  errors(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#errors)
  }
}

const plan: LoadPlan = JSON.parse(await Bun.stdin.text())
const { target, loop } = plan
const caller = target.kind === "http" ? new HttpCaller(target) : await natsCaller(target)
if (plan.warmUpSeconds > 0) await run(caller, loop, plan.warmUpSeconds, () => undefined)
const recording = new Recording(plan.seconds)
say({ line: "begun" })
const cpuBefore = process.cpuUsage()
const began = performance.now()
await run(caller, loop, plan.seconds, (recorded) => recording.add(recorded))
const seconds = (performance.now() - began) / 1_000
const cpu = process.cpuUsage(cpuBefore)
say({ line: "ended" })
say({
  line: "result",
  result: {
    seconds,
    answered: recording.answered,
    errors: recording.errors(),
    histogram: recording.histogram.data(),
    lateness: recording.lateness.data(),
    stretches: recording.stretches(),
    cpuMicros: cpu.user + cpu.system,
  },
})
await caller.close()
process.exit(0)
