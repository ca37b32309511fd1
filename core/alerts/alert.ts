// What alerts can be about: drift that began or is over, and expectations of a suite that are no
// longer met or are met again. Where they stand in the log, and how they are read.
import { ALL_DRIFT, driftFindingCodec, type DriftFinding } from "#proto/finding"
import { ALL_QUALITY_REPORTS, qualityReportCodec, type QualityReport } from "#proto/quality-finding"

export type Alert = DriftFinding | QualityReport

export const isQuality = (alert: Alert): alert is QualityReport =>
  alert._tag === "QualityFailed" || alert._tag === "QualityRecovered"

/** The subjects of `FINDINGS` that alerts come from. Decoding throws `UnreadableRecord`. */
export const ALERT_SOURCES: ReadonlyArray<{
  readonly filter: string
  readonly decode: (bytes: Uint8Array) => Alert
}> = [
  { filter: ALL_DRIFT, decode: driftFindingCodec.decode },
  { filter: ALL_QUALITY_REPORTS, decode: qualityReportCodec.decode },
]
