// The references of drift that were made from rows that are to be erased: they hold values of them.
// Those that were made elsewhere, from files or as training profiles, are not told apart by
// positions and stay.
import { windowsSubject } from "#core/findings/findings"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { eraseArtifact } from "#core/registry/erase-artifact"
import { windowFindingCodec, type ReferenceTaken } from "#proto/finding"
import { isModelName } from "#proto/names"
import { FINDINGS } from "#proto/subjects"

/** What was erased of a model; `until` is when, where that is in the past. */
export interface ErasedRows {
  readonly model: string
  readonly positions: ReadonlyArray<number>
  /** Milliseconds since 1970: what was made later was made without it. */
  readonly until: number
}

export interface ErasedReference {
  readonly model: string
  readonly digest: string
  /** In words: "first 1000 rows". */
  readonly origin: string
  readonly from: number
  readonly to: number
}

/** Clocks of the monitor and of who erases. */
const SKEW_MILLIS = 60_000

/** Rows of a reference that windows joined began anywhere before. */
const rangeOf = ({ from = 1, to }: ReferenceTaken) => (to === undefined ? undefined : { from, to })

const referencesOf = async (
  log: Log,
  model: string,
  erased: ReadonlyArray<ErasedRows>,
): Promise<ReadonlyArray<ErasedReference>> => {
  const found = new Map<string, ErasedReference>()
  const { state } = await log.manager.streams.info(FINDINGS)
  for (const of of ["predictions", "truth"] as const) {
    const filter = windowsSubject(model, of)
    const range = { stream: FINDINGS, from: Math.max(1, state.first_seq), to: state.last_seq }
    for await (const { data } of readRange(log, { ...range, filter })) {
      const finding = windowFindingCodec.decode(data)
      const place = finding._tag === "ReferenceTaken" ? rangeOf(finding) : undefined
      if (finding._tag !== "ReferenceTaken" || place === undefined) continue
      const holds = erased.some(
        ({ positions, until }) =>
          finding.at <= until + SKEW_MILLIS &&
          positions.some((position) => position >= place.from && position <= place.to),
      )
      const { reference: digest, origin } = finding
      if (holds) found.set(digest, { model, digest, origin, ...place })
    }
  }
  return [...found.values()]
}

/**
 * Erases the references that were made from these rows; the monitor takes others in their place.
 *
 * @throws LookupFailed, RangeGone, UnreadableRecord, or NatsError when the server refuses.
 */
export const eraseReferences = async (
  log: Log,
  erased: ReadonlyArray<ErasedRows>,
): Promise<ReadonlyArray<ErasedReference>> => {
  const models = new Set(erased.map(({ model }) => model).filter(isModelName))
  const gone: Array<ErasedReference> = []
  for (const model of models) {
    const own = erased.filter((one) => one.model === model && one.positions.length > 0)
    for (const reference of await referencesOf(log, model, own)) {
      // The monitor, which does the same, may have been first.
      await eraseArtifact(log, reference.digest)
      gone.push(reference)
    }
  }
  return gone
}
