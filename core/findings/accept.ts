// Accepting what drifted as the new normal: the rows of a range become the reference, and drift
// that was reported is over. The monitor finds it as the last finding and goes on from there.
import { seedOf } from "#core/statistics/seeded-random"
import { placeOf } from "#core/drift/place"
import type { DriftSettings } from "#core/drift/settings"
import type { Table } from "#core/drift/table"
import { decide } from "#core/drift/verdict"
import type { ReferenceTaken, WindowFinding } from "#proto/finding"
import { Schema } from "effect"
import type { Log } from "../log/log.ts"
import { ArtifactMissing, type ArtifactStore } from "../registry/artifacts.ts"
import { appendDrift, appendWindow, lastDrift, lastWindow, type Stored } from "./findings.ts"
import {
  answersTo,
  askedOf,
  getReference,
  isNamed,
  isUnreadable,
  type LoadedReference,
  putReference,
  readTable,
  sourceWords,
} from "./references.ts"
import { predictionSource } from "./sources.ts"
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

const ACCEPTED = "accepted: "

/** Why a reference stays in use, in words; `undefined` where the configuration asks for another. */
export const whyInUse = (
  loaded: LoadedReference,
  settings: Pick<DriftSettings, "reference" | "rowsMax">,
  profile: string | undefined,
): string | undefined => {
  if (!answersTo(loaded, settings, profile)) return undefined
  const configured = sourceWords(settings.reference)
  const isOther =
    loaded.reference.origin.startsWith(ACCEPTED) && !isNamed(loaded, settings, profile)
  return isOther
    ? `accepted in the place of the configured one (${configured})`
    : `answers to the configured one (${configured})`
}

export interface AcceptOptions {
  readonly log: Log
  readonly store: ArtifactStore
  readonly model: string
  /** Positions, both included; the last window where they are left out. */
  readonly range: { readonly from: number; readonly to: number } | undefined
  readonly settings: DriftSettings
  /** Digest of the training profile of the champion. */
  readonly profile: string | undefined
  readonly plans: Plans
  /** Milliseconds since 1970. */
  readonly now: number
}

/** @throws AcceptRefused, LogUnavailable, LookupFailed */
export const acceptWindow = async (options: AcceptOptions): Promise<ReferenceTaken> => {
  const { log, model, plans } = options
  const { rowsMax } = options.settings
  const refuse = (reason: string) => new AcceptRefused({ model, reason })
  const { finding, sequence } = await lastWindow(log, model)
  if (finding === undefined) throw refuse("no window was evaluated yet")
  const evaluated = finding._tag === "WindowEvaluated" ? finding : undefined
  const range = options.range ?? evaluated?.window
  if (range === undefined) throw refuse("the reference was just taken; name a range")
  const { from, to } = range
  const table = await readTable(predictionSource(log, model), {
    from,
    to,
    rowsMax,
    plans,
    seed: seedOf(`${model} ${from}`),
  })
  if (table.rows === 0) throw refuse(`the log holds no rows from ${from} to ${to}`)
  const origin = `${table.seen} rows from ${from} to ${to}`
  return pin(options, { finding, sequence }, table, { origin, from, to })
}

/**
 * Compares windows with the rows of a table from now on; drift that was reported is over.
 *
 * @throws AcceptRefused, LogUnavailable, LookupFailed
 */
export const pinReference = async (
  options: Omit<AcceptOptions, "range">,
  table: Table,
  origin: string,
): Promise<ReferenceTaken> =>
  pin(options, await lastWindow(options.log, options.model), table, { origin })

const pin = async (
  options: Omit<AcceptOptions, "range">,
  { finding, sequence }: Stored<WindowFinding>,
  table: Table,
  given: { readonly origin: string; readonly from?: number; readonly to?: number },
): Promise<ReferenceTaken> => {
  const words = { ...given, origin: `${ACCEPTED}${given.origin}` }
  const { log, store, model, settings, profile, now } = options
  // One that cannot be read, or was erased with rows of it, is simply replaced.
  const before =
    finding === undefined
      ? undefined
      : await getReference(store, finding.reference).catch((cause: unknown) => {
          if (cause instanceof ArtifactMissing || isUnreadable(cause)) return undefined
          throw cause
        })
  // What it takes the place of is what the configuration still asks for.
  const replaced = before === undefined || answersTo(before, settings, profile)
  const asked = replaced ? askedOf(settings, profile) : before.reference.asked
  const reference = await putReference(store, table, { model, asked, ...words })
  const { after, number } = placeOf(finding, "")
  const drifting = finding?._tag === "WindowEvaluated" ? finding.persistence.drifting : []
  const taken: ReferenceTaken = {
    _tag: "ReferenceTaken",
    model,
    reference,
    rows: table.seen,
    ...words,
    position: after,
    number,
    cleared: drifting,
    at: now,
  }
  if ((await appendWindow(log, taken, sequence)) === undefined)
    throw new AcceptRefused({ model, reason: "a window was evaluated meanwhile; try again" })
  const last = await lastDrift(log, model)
  // Where this fails, the monitor reports it when it finds the new reference.
  for (const cleared of decide(taken)) await appendDrift(log, cleared, last.sequence)
  return taken
}
