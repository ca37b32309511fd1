// Accepting what drifted as the new normal: the rows of a range become the reference, and drift
// that was reported is over. The monitor finds it as the last finding and goes on from there.
import { seedOf } from "#core/statistics/seeded-random"
import { decide } from "#core/drift/verdict"
import type { ReferenceTaken } from "#proto/finding"
import { Schema } from "effect"
import type { Log } from "../log/log.ts"
import type { ArtifactStore } from "../registry/artifacts.ts"
import { appendDrift, appendWindow, lastDrift, lastWindow } from "./findings.ts"
import { getReference, putReference, readTable } from "./references.ts"
import type { Plans } from "./versions.ts"

/** Nothing can be accepted as it stands; the message says why. */
export class AcceptRefused extends Schema.TaggedError<AcceptRefused>()("AcceptRefused", {
  model: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.model}: ${this.reason}`
  }
}

export interface AcceptOptions {
  readonly log: Log
  readonly store: ArtifactStore
  readonly model: string
  /** Positions, both included; the last window where they are left out. */
  readonly range: { readonly from: number; readonly to: number } | undefined
  readonly rowsMax: number
  readonly plans: Plans
  /** Milliseconds since 1970. */
  readonly now: number
}

/** @throws AcceptRefused, LogUnavailable, LookupFailed */
export const acceptWindow = async (options: AcceptOptions): Promise<ReferenceTaken> => {
  const { log, store, model, rowsMax, plans, now } = options
  const refuse = (reason: string) => new AcceptRefused({ model, reason })
  const { finding, sequence } = await lastWindow(log, model)
  if (finding === undefined) throw refuse("no window was evaluated yet")
  const evaluated = finding._tag === "WindowEvaluated" ? finding : undefined
  const range = options.range ?? evaluated?.window
  if (range === undefined) throw refuse("the reference was just taken; name a range")
  const { from, to } = range
  const table = await readTable(log, {
    model,
    from,
    to,
    rowsMax,
    plans,
    seed: seedOf(`${model} ${from}`),
  })
  if (table.rows === 0) throw refuse(`the log holds no rows from ${from} to ${to}`)
  const { asked } = (await getReference(store, finding.reference)).reference
  const origin = `accepted: ${table.seen} rows from ${from} to ${to}`
  const reference = await putReference(store, table, { model, origin, asked, from, to })
  const taken: ReferenceTaken = {
    _tag: "ReferenceTaken",
    model,
    reference,
    rows: table.seen,
    origin,
    from,
    to,
    position: evaluated?.window.to ?? (finding._tag === "ReferenceTaken" ? finding.position : 0),
    number: finding.number,
    cleared: evaluated?.persistence.drifting ?? [],
    at: now,
  }
  if ((await appendWindow(log, taken, sequence)) === undefined)
    throw refuse("a window was evaluated meanwhile; try again")
  const last = await lastDrift(log, model)
  // Where this fails, the monitor reports it when it finds the new reference.
  for (const cleared of decide(taken)) await appendDrift(log, cleared, last.sequence)
  return taken
}
