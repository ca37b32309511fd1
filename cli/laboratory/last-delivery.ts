// Real deaths during a last delivery. A predictor that is told at its last delivery to give a
// request up does so within milliseconds, too fast to be hit by chance; so it is stopped by the
// system while it waits for work (SIGSTOP), the server delivers to it as often as it ever will, and
// then it is killed (SIGKILL) with the requests in its hands.
import type { Log } from "#core/log/log"
import { ADVISORIES, REAPER } from "#proto/subjects"
import type { Supervisor } from "../up/supervisor.ts"
import { readMetric } from "./measures.ts"
import { eventually } from "./patience.ts"
import { lookAtQueue } from "./queue.ts"
import { signalPart, type Laboratory } from "./system.ts"

const START_WAIT_MILLIS = 60_000
const DELIVERY_WAIT_MILLIS = 30_000
/** Longer than any demonstration. */
const PAUSE_MILLIS = 3_600_000

/** Resolves when each of these predictors runs and asks for work; false when one does not. */
export const untilAsking = async (laboratory: Laboratory): Promise<boolean> => {
  const asking = await eventually(async () => {
    await Promise.all(
      laboratory.predictorUrls.map((url) => readMetric(url, "weir_predictor_held_requests")),
    )
    const { waitingPulls } = await lookAtQueue(laboratory.log)
    return waitingPulls >= laboratory.predictors.length ? true : undefined
  }, START_WAIT_MILLIS)
  return asking === true
}

/** The server keeps its advisories to itself until they are resumed; services see no difference. */
export const pauseAdvisories = async (log: Log): Promise<void> => {
  await log.manager.consumers.pause(ADVISORIES, REAPER, new Date(Date.now() + PAUSE_MILLIS))
}

export const resumeAdvisories = async (log: Log): Promise<void> => {
  await log.manager.consumers.resume(ADVISORIES, REAPER)
}

export interface Death<A> {
  /** What was asked, still waiting for its answer. */
  readonly asked: ReadonlyArray<A>
  /** Processes that were killed. */
  readonly kills: number
  /** Whether every request was at its last delivery at that moment. */
  readonly atLastDelivery: boolean
  /** On the clock of `performance.now`. */
  readonly killedAt: number
}

const isReplaced = (part: Supervisor, before: number | undefined) =>
  part.pid !== undefined && part.pid !== before

/**
 * Freezes all predictors, asks `count` times, waits until each request was delivered `deliveries`
 * times, kills them, and resolves when their successors run.
 */
export const dieDuringLastDelivery = async <A>(
  laboratory: Laboratory,
  deliveries: number,
  count: number,
  ask: () => A,
): Promise<Death<A>> => {
  const { log, predictors } = laboratory
  if (!(await untilAsking(laboratory))) throw new Error("the predictors ask for no work")
  const before = (await lookAtQueue(log)).deliveries
  const pids = predictors.map(({ pid }) => pid)
  for (const predictor of predictors) signalPart(predictor, "SIGSTOP")
  const asked = Array.from({ length: count }, ask)
  const delivered = await eventually(async () => {
    const look = await lookAtQueue(log)
    return look.deliveries - before >= count * deliveries ? true : undefined
  }, DELIVERY_WAIT_MILLIS)
  for (const predictor of predictors) signalPart(predictor, "SIGKILL")
  const killedAt = performance.now()
  await eventually(
    () => (predictors.every((part, at) => isReplaced(part, pids[at])) ? true : undefined),
    START_WAIT_MILLIS,
  )
  return { asked, kills: predictors.length, atLastDelivery: delivered === true, killedAt }
}

const FOUND = "a request was found after its last delivery"

/** How the reapers said that they found each request, by its id. */
export const foundBy = (lines: ReadonlyArray<string>): ReadonlyMap<string, string> =>
  new Map(
    lines
      .filter((line) => line.includes(FOUND))
      .map((line) => [/"id":"([^"]+)"/.exec(line)?.[1], /"by":"(\w+)"/.exec(line)?.[1]] as const)
      .filter((pair): pair is readonly [string, string] =>
        pair.every((part) => part !== undefined),
      ),
  )
