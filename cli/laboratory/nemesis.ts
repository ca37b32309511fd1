// Kills parts of a laboratory at random moments of the traffic, and writes down what was under way
// at each kill.
import type { Log } from "#core/log/log"
import { PREDICTOR, REQUESTS } from "#proto/subjects"
import type { Supervisor } from "../up/supervisor.ts"
import { eventually } from "./patience.ts"
import { signalPart } from "./system.ts"

/** A part that was killed must be there again within this. */
const BACK_WAIT_MILLIS = 60_000
const LOOK_AGAIN_MILLIS = 10
/** Longest wait for traffic between two faults; less traffic than that is a fault by itself. */
const TRAFFIC_WAIT_MILLIS = 60_000
/** A fault waits so long for a moment at which it hits work: longer than a part takes to return. */
const WORK_WAIT_MILLIS = 15_000

export interface Fault {
  /** For the report: "broker", "predictor", "gateway", "step down". */
  readonly kind: string
  /** Does the harm; false when there was nothing to harm at this moment. */
  readonly strike: () => Promise<boolean>
}

export interface Struck {
  readonly kind: string
  /** Requests in the queue, waiting or held by a predictor, right before the fault. */
  readonly queued: number
  /** Callers that waited for an answer at that moment. */
  readonly waiting: number
}

export interface NemesisOptions {
  readonly log: Log
  readonly faults: ReadonlyArray<Fault>
  /** Answers so far, and callers that wait. */
  readonly answered: () => number
  readonly waiting: () => number
  /** Answers between two faults, on average. */
  readonly spacing: number
  readonly random: () => number
  readonly onStruck: (struck: Struck) => void
}

const until = async (check: () => boolean, waitMillis: number): Promise<boolean> => {
  const deadline = performance.now() + waitMillis
  while (!check()) {
    if (performance.now() > deadline) return false
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  return true
}

const queuedNow = async (log: Log): Promise<number> => {
  try {
    const consumer = await log.manager.consumers.info(REQUESTS, PREDICTOR)
    return consumer.num_pending + consumer.num_ack_pending
  } catch {
    return 0
  }
}

/** Requests in the queue as soon as there are any; 0 when none are seen in time. */
const workNow = async (log: Log): Promise<number> => {
  const found = await eventually(
    async () => (await queuedNow(log)) || undefined,
    WORK_WAIT_MILLIS,
    LOOK_AGAIN_MILLIS,
  )
  return found ?? 0
}

/** SIGKILL to a part, which its supervisor starts again; resolves when the new process is there. */
export const killFault = (kind: string, choose: () => Supervisor | undefined): Fault => ({
  kind,
  strike: async () => {
    const part = choose()
    const before = part?.pid
    if (part === undefined || before === undefined || !signalPart(part, "SIGKILL")) return false
    return until(() => part.pid !== undefined && part.pid !== before, BACK_WAIT_MILLIS)
  },
})

/** Strikes with each fault once, in the order given, while the traffic goes on. */
export const unleash = async (options: NemesisOptions): Promise<ReadonlyArray<Struck>> => {
  const all: Array<Struck> = []
  for (const fault of options.faults) {
    const target = options.answered() + Math.ceil(options.spacing * (0.5 + options.random()))
    await until(() => options.answered() >= target, TRAFFIC_WAIT_MILLIS)
    let done = false
    for (let tries = 0; !done && tries < 100; tries++) {
      const queued = await workNow(options.log)
      const waiting = options.waiting()
      done = await fault.strike()
      if (!done) {
        await Bun.sleep(LOOK_AGAIN_MILLIS)
        continue
      }
      const struck = { kind: fault.kind, queued, waiting }
      all.push(struck)
      options.onStruck(struck)
    }
  }
  return all
}
