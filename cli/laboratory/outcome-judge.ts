// Holds what readers made of the labels against the direct computation: the findings of the
// monitor, window by window, and the fold that the command line does.
import { readPerformance } from "#core/findings/performance"
import type { Log } from "#core/log/log"
import { joinByScan } from "#core/outcomes/find-facts"
import { measure } from "#core/outcomes/measure"
import { HORIZON_DEFAULT_MILLIS, pastLedger, WHOLE } from "#core/outcomes/past"
import { readRelease } from "#core/registry/commands"
import { differs, direct, type DirectQuality } from "./direct-quality.ts"
import { FLIGHTS } from "./flights.ts"
import { ROWS_MAX } from "./outcome-plan.ts"
import type { AnsweredPrediction } from "./outcome-senders.ts"
import { eventually } from "./patience.ts"

const SETTLED_WAIT_MILLIS = 90_000
/** The monitor's windows have 1,000 rows; those of the open one are in no finding yet. */
const OPEN_ROWS_MAX = 1_000 + ROWS_MAX

const monitored = async (log: Log): Promise<ReadonlyArray<DirectQuality>> => {
  const { windows } = await readPerformance(log, FLIGHTS)
  return [...windows.values()].flatMap(({ window, groups }) =>
    groups
      .filter(({ slice }) => slice === undefined)
      .map(({ version, rows, labelled, metrics }) => ({
        version,
        from: window.from,
        to: window.to,
        rows,
        labelled,
        accuracy: metrics["accuracy"],
        brier: metrics["brier"],
      })),
  )
}

const foldAll = async (log: Log, answered: ReadonlyArray<AnsweredPrediction>) => {
  const { release } = await readRelease(log, FLIGHTS)
  const to = Math.max(...answered.map(({ position }) => position))
  const ledger = await pastLedger({
    log,
    model: FLIGHTS,
    release,
    rule: WHOLE,
    from: 1,
    to,
    sliceFeatures: [],
    horizonMillis: HORIZON_DEFAULT_MILLIS,
  })
  const found = measure(ledger).groups.map(
    ({ version, rows, labelled, metrics }): DirectQuality => ({
      version,
      from: 1,
      to,
      rows,
      labelled,
      accuracy: metrics["accuracy"],
      brier: metrics["brier"],
    }),
  )
  return { ledger, found }
}

/**
 * Waits until the monitor has found what there is, or gives up; then joins by scan, which must
 * change nothing.
 */
export const judge = async (log: Log, answered: ReadonlyArray<AnsweredPrediction>) => {
  const wanted = (found: ReadonlyArray<DirectQuality>) =>
    found.filter((one) => differs(one, direct(answered, one))).length
  await eventually(async () => {
    const found = await monitored(log)
    const rows = found.reduce((sum, one) => sum + (one.version === undefined ? one.rows : 0), 0)
    const all = answered.reduce((sum, { truth }) => sum + truth.length, 0)
    return rows >= all - OPEN_ROWS_MAX && wanted(found) === 0 ? true : undefined
  }, SETTLED_WAIT_MILLIS)
  const groups = await monitored(log)
  const { ledger, found } = await foldAll(log, answered)
  const { release } = await readRelease(log, FLIGHTS)
  const releases = { model: () => release }
  const isErased = () => false
  const scan = await joinByScan({ log, replicas: 1, releases, isErased }, FLIGHTS, "show")
  const after = await foldAll(log, answered)
  return {
    groups: groups.length,
    monitorDiffers: wanted(groups),
    versions: found,
    foldDiffers: wanted(found) + wanted(after.found),
    counts: { ...ledger.counts },
    unmatched: ledger.unmatched.length,
    scan,
  }
}
