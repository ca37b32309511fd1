// The ledger of a past range, folded from the long log by the code that the monitor runs. It writes
// nothing.
import { seek } from "#core/log/history"
import type { Log } from "#core/log/log"
import type { WindowRule } from "#core/drift/window"
import type { Release } from "#core/registry/release"
import type { Signature } from "#proto/signature"
import { readHistory } from "./history-messages.ts"
import { Ledger } from "./ledger.ts"

export const HORIZON_DEFAULT_MILLIS = 30 * 86_400_000
/** Facts that one ledger holds: 300 to 700 bytes each were measured, of one row. */
export const FACTS_MAX_DEFAULT = 1_000_000

export interface PastLedgerOptions {
  readonly log: Log
  readonly model: string
  readonly release: Release
  readonly rule: WindowRule
  /** Positions of predictions, both included; outcomes count whenever they came. */
  readonly from: number
  readonly to: number
  readonly sliceFeatures: ReadonlyArray<string>
  readonly horizonMillis: number
  readonly onProgress?: (read: number, left: number) => void
}

export const signaturesOf =
  (release: () => Release | undefined) =>
  (version: string | undefined): Signature | undefined =>
    version === undefined ? undefined : release()?.versions.get(version)?.signature

const PROGRESS_EVERY = 5_000

/** One window for all rows of the range. */
export const WHOLE: WindowRule = { kind: "marks" }

/** @throws LookupFailed, RangeGone. */
export const pastLedger = async (options: PastLedgerOptions): Promise<Ledger> => {
  const { log, model, release, from, to, rule, sliceFeatures, horizonMillis, onProgress } = options
  const ledger = new Ledger({
    rule,
    from,
    firstNumber: 1,
    horizonMillis,
    factsMax: FACTS_MAX_DEFAULT,
    signatureOf: signaturesOf(() => release),
    sliceFeatures,
  })
  const first = await seek(log, from)
  if (first === undefined) return ledger
  let read = 0
  for await (const message of readHistory(log, model, first)) {
    read++
    if (read % PROGRESS_EVERY === 0) onProgress?.(read, message.pending)
    if (message.kind === "outcome") ledger.takeOutcome(message.outcome)
    else if (message.kind === "fact" && message.position >= from && message.position <= to)
      ledger.takeFact(message.fact, message.position)
  }
  return ledger
}
