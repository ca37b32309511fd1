// Whether this gateway can answer, and if not, why not.
import type { LinkState } from "#core/log/connection"
import type { Releases } from "#core/registry/releases"
import type { BacklogState } from "./backlog.ts"
import type { HistoryWatch } from "./history-watch.ts"

/** Models that cannot be read and are named; whoever looks into them finds the others. */
const BROKEN_NAMED_MAX = 8

export interface Readiness {
  readonly ready: boolean
  /** Works, but something needs attention. */
  readonly degraded: boolean
  readonly reasons: ReadonlyArray<string>
  readonly history: { readonly lag: number; readonly headroom_used: number } | undefined
}

export interface ReadinessParts {
  readonly link: Pick<LinkState, "up">
  readonly releases: Pick<Releases, "models" | "resolve" | "broken">
  readonly backlog: Pick<BacklogState, "predictorsThere">
  readonly history: Pick<HistoryWatch, "health" | "status">
  readonly draining: () => boolean
}

const servesAny = (releases: ReadinessParts["releases"]): boolean =>
  releases
    .models()
    .keys()
    .some((model) => releases.resolve(model).kind === "version")

export const readinessOf = (parts: ReadinessParts): Readiness => {
  const { link, releases, backlog, history, draining } = parts
  const { health, status } = history
  const reasons: Array<string> = []
  if (draining()) reasons.push("stopping")
  if (!link.up) reasons.push("the log is not connected")
  if (!servesAny(releases)) reasons.push("no model is loaded")
  if (!backlog.predictorsThere()) reasons.push("no predictor is running")
  const lag = `the long log is ${status?.lag ?? 0} facts behind`
  if (health === "lagging") reasons.push(`${lag}, more than half of what the hot log can hold`)
  const ready = reasons.length === 0
  if (health === "degraded") reasons.push(lag)
  const broken = [...releases.broken()]
  for (const [model, { sequence }] of broken.slice(0, BROKEN_NAMED_MAX))
    reasons.push(
      `model ${model} is unavailable: event ${sequence} cannot be read, ` +
        `./weir models mend ${model} removes it`,
    )
  return {
    ready,
    degraded: health !== "ok" || broken.length > 0,
    reasons,
    history: status && { lag: status.lag, headroom_used: status.headroomUsed },
  }
}
