// Where the watch over a model stands, by what was found last: what a monitor that begins, and time
// travel that begins in the middle, go on from.
import type { Persistence, WindowFinding } from "#proto/finding"
import type { Remembered } from "./online.ts"
import { initialPersistence } from "./verdict.ts"

export interface Place {
  /** Windows begin after this position. */
  readonly after: number
  /** Number of the last window. */
  readonly number: number
  readonly persistence: Persistence
  /** What detectors over the stream remember. */
  readonly online: Remembered
}

/**
 * The place after a finding, or before the first. Under another configuration (by its digest) than
 * the finding's, detectors begin anew: what they remember belongs to their options.
 */
export const placeOf = (finding: WindowFinding | undefined, configuration: string): Place => {
  const nothing = { persistence: initialPersistence, online: {} }
  if (finding === undefined) return { after: 0, number: 0, ...nothing }
  const { number } = finding
  if (finding._tag === "ReferenceTaken") {
    const { position: after, carried } = finding
    if (carried === undefined) return { after, number, ...nothing }
    const online = carried.configuration === configuration ? (carried.online ?? {}) : {}
    return { after, number, persistence: carried.persistence, online }
  }
  const online = finding.configuration === configuration ? (finding.online ?? {}) : {}
  return { after: finding.window.to, number, persistence: finding.persistence, online }
}
