// One cell of a bench: one system under one load, with what each of its processes used meanwhile.
import { latencyOf, type Latency } from "../load/histogram.ts"
import type { LoadPlan, LoadResult, Loop } from "../load/plan.ts"
import { runLoad } from "../load/run-load.ts"
import { NO_USAGE, usageOf, type Usage } from "./processes.ts"

export interface ProcessFigures {
  readonly name: string
  readonly processes: number
  /** When the load ended; `rssPeakBytes` is the largest of all looks. */
  readonly rssBytes: number
  readonly rssPeakBytes: number
  readonly pssBytes: number
  readonly openFiles: number
  readonly cpuMicrosPerRequest: number
  /** 100 is one core. */
  readonly cpuPercent: number
}

export interface LogFigures {
  readonly messages: number
  /** By the mean size of the messages that are still held. */
  readonly bytesEstimate: number
}

export interface Cell {
  readonly system: string
  /** Whether it is Weir that answered: its errors are faults, those of others are their own. */
  readonly isWeir: boolean
  /** "c=32", "16.7/s". */
  readonly load: string
  readonly rowsPerRequest: number
  readonly form: string
  readonly seconds: number
  readonly perSecond: number
  readonly rowsPerSecond: number
  readonly answered: number
  readonly errors: Readonly<Record<string, number>>
  /** Milliseconds. */
  readonly latency: Latency
  /** How late the generator itself was, milliseconds; only in an open loop. */
  readonly latenessP99: number
  readonly generatorCpuMicrosPerRequest: number
  readonly processes: ReadonlyArray<ProcessFigures>
  /** What the load added to the log. */
  readonly log?: LogFigures
}

/** Something that can be measured under load. */
export interface Subject {
  readonly name: string
  readonly isWeir?: boolean
  /** Its parts, each with the processes that it began with. */
  readonly parts: () => ReadonlyArray<{
    readonly name: string
    readonly pids: ReadonlyArray<number>
  }>
  readonly logSize?: () => Promise<LogFigures>
}

export interface CellOptions {
  readonly subject: Subject
  readonly plan: LoadPlan
  readonly rowsPerRequest: number
  readonly form: string
}

export interface MeasuredCell {
  readonly cell: Cell
  readonly load: LoadResult
}

const LOOK_INTERVAL_MILLIS = 1_000

const loopText = (loop: Loop): string =>
  loop.kind === "closed" ? `c=${loop.callers}` : `${Math.round(loop.perSecond * 10) / 10}/s`

class Watch {
  readonly #subject: Subject
  #before = new Map<string, Usage>()
  #after = new Map<string, Usage>()
  readonly #peaks = new Map<string, number>()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(subject: Subject) {
    this.#subject = subject
  }

  begin(): void {
    this.#before = this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MILLIS)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#after = this.#look()
  }

  figures(requests: number, seconds: number): ReadonlyArray<ProcessFigures> {
    return [...this.#after].map(([name, after]) => {
      const cpu = after.cpuMicros - (this.#before.get(name) ?? NO_USAGE).cpuMicros
      return {
        name,
        processes: after.processes,
        rssBytes: after.rssBytes,
        rssPeakBytes: this.#peaks.get(name) ?? 0,
        pssBytes: after.pssBytes,
        openFiles: after.openFiles,
        cpuMicrosPerRequest: cpu / Math.max(1, requests),
        cpuPercent: cpu / (seconds * 10_000),
      }
    })
  }

  #look(): Map<string, Usage> {
    const found = new Map<string, Usage>()
    for (const { name, pids } of this.#subject.parts()) {
      const usage = usageOf(pids)
      found.set(name, usage)
      this.#peaks.set(name, Math.max(this.#peaks.get(name) ?? 0, usage.rssBytes))
    }
    return found
  }
}

/** Runs the load; CPU is counted over the recorded part of it alone. */
export const measureCell = async (options: CellOptions): Promise<MeasuredCell> => {
  const { subject, plan, rowsPerRequest, form } = options
  const watch = new Watch(subject)
  let logBefore: LogFigures | undefined
  let logAfter: LogFigures | undefined
  const load = await runLoad(plan, {
    begun: async () => {
      watch.begin()
      logBefore = await subject.logSize?.()
    },
    ended: async () => {
      watch.end()
      logAfter = await subject.logSize?.()
    },
  })
  const perSecond = load.answered / load.seconds
  const cell: Cell = {
    system: subject.name,
    isWeir: subject.isWeir === true,
    load: loopText(plan.loop),
    rowsPerRequest,
    form,
    seconds: load.seconds,
    perSecond,
    rowsPerSecond: perSecond * rowsPerRequest,
    answered: load.answered,
    errors: load.errors,
    latency: latencyOf(load.histogram),
    latenessP99: latencyOf(load.lateness).p99,
    generatorCpuMicrosPerRequest: load.cpuMicros / Math.max(1, load.answered),
    processes: watch.figures(load.answered, load.seconds),
    ...(logBefore === undefined || logAfter === undefined
      ? {}
      : {
          log: {
            messages: logAfter.messages - logBefore.messages,
            bytesEstimate: logAfter.bytesEstimate - logBefore.bytesEstimate,
          },
        }),
  }
  return { cell, load }
}
