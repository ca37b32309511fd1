// What has to be sent to whom, and when: alerts and targets on one side, recorded attempts on the
// other. It decides only; time comes in, and whoever sends records each attempt and tells it.
// Everything in it can be built again from the log.
import type { WebhookAttempted } from "#proto/webhook"
import type { Alert } from "./alert.ts"
import { SCHEDULE_SPAN_MILLIS } from "./schedule.ts"
import { endpointOf, wants, type Target } from "./target.ts"

/** Alerts that wait; beyond this the oldest is given up, and that is recorded. */
export const ALERTS_MAX = 1_000
/** Sent at the same time: to all targets, and to one. */
export const IN_FLIGHT_MAX = 8
export const IN_FLIGHT_PER_TARGET_MAX = 2
/** How long the fate of a delivery is remembered: until nothing can begin it again by itself. */
export const REMEMBERED_MILLIS = 2 * SCHEDULE_SPAN_MILLIS

/** One attempt that is to be made. */
export interface Job {
  readonly alert: Alert
  readonly target: Target
  /** Over all attempts, from 1. */
  readonly attempt: number
  /** Since the schedule began, from 1. */
  readonly step: number
}

export interface Plan {
  readonly ready: ReadonlyArray<Job>
  /** When there will be more to do, milliseconds since 1970; undefined when nothing waits. */
  readonly wakeAt: number | undefined
}

interface Due {
  readonly at: number
  readonly attempt: number
  readonly step: number
}

export const jobKey = (alert: string, target: string): string => `${target} ${alert}`

export class Outbox {
  /** Alerts that some target may still get, in the order in which they were found. */
  readonly #alerts = new Map<string, Alert>()
  /** The last attempt of each delivery. */
  readonly #last = new Map<string, WebhookAttempted>()
  /** The last 410 of each target. */
  readonly #gone = new Map<string, WebhookAttempted>()
  /** When retries were asked for, of a whole target or of one delivery. */
  readonly #retries = new Map<string, number>()
  #targets: ReadonlyArray<Target> = []

  get waiting(): number {
    return this.#alerts.size
  }

  setTargets(targets: ReadonlyArray<Target>): void {
    this.#targets = targets
  }

  attempted(fact: WebhookAttempted): void {
    const key = jobKey(fact.alert, fact.target)
    const last = this.#last.get(key)
    // The same attempt may stand in the log twice, when the ack of the first was lost.
    if (last !== undefined && last.attempt >= fact.attempt) return
    this.#last.set(key, fact)
    if (fact.outcome === "disabled") this.#gone.set(fact.target, fact)
  }

  /** Offer the alerts again afterwards: what was finished is no longer held here. */
  retryRequested(target: string, alert: string | undefined, at: number): void {
    const key = alert === undefined ? target : jobKey(alert, target)
    this.#retries.set(key, Math.max(at, this.#retries.get(key) ?? 0))
  }

  /**
   * Takes an alert unless no target still needs it; an alert that is known changes nothing. Returns
   * what had to be given up to make room: record it as dropped.
   */
  offer(alert: Alert, now: number): ReadonlyArray<Job> {
    if (this.#alerts.has(alert.id)) return []
    if (!this.#targets.some((target) => this.#due(alert, target, now) !== undefined)) return []
    this.#alerts.set(alert.id, alert)
    const oldest = this.#alerts.size > ALERTS_MAX ? this.#alerts.values().next().value : undefined
    if (oldest === undefined) return []
    this.#alerts.delete(oldest.id)
    return this.#targets.flatMap((target) => {
      const due = this.#due(oldest, target, now)
      return due === undefined
        ? []
        : [{ alert: oldest, target, attempt: due.attempt, step: due.step }]
    })
  }

  /** What is to be sent now beside what is being sent (`inFlight`, by job key). */
  plan(now: number, inFlight: ReadonlyMap<string, Job>): Plan {
    const ready: Array<Job> = []
    const busy = new Map<string, number>()
    for (const { target } of inFlight.values())
      busy.set(target.name, (busy.get(target.name) ?? 0) + 1)
    const held = new Set<string>()
    let wakeAt: number | undefined
    for (const alert of this.#alerts.values()) {
      let unfinished = false
      for (const target of this.#targets) {
        const due = this.#due(alert, target, now)
        if (due === undefined) continue
        unfinished = true
        if (isHeld(held, alert, target) || inFlight.has(jobKey(alert.id, target.name))) continue
        if (due.at > now) {
          wakeAt = Math.min(wakeAt ?? due.at, due.at)
          continue
        }
        const sending = busy.get(target.name) ?? 0
        if (sending >= IN_FLIGHT_PER_TARGET_MAX) continue
        if (inFlight.size + ready.length >= IN_FLIGHT_MAX) continue
        busy.set(target.name, sending + 1)
        ready.push({ alert, target, attempt: due.attempt, step: due.step })
      }
      if (!unfinished) this.#alerts.delete(alert.id)
    }
    return { ready, wakeAt }
  }

  /** Forgets deliveries that ended so long ago that nothing begins them again by itself. */
  prune(now: number): void {
    const isOld = ({ at, outcome }: WebhookAttempted) =>
      outcome !== "waiting" && at < now - REMEMBERED_MILLIS
    for (const [key, fact] of this.#last) if (isOld(fact)) this.#last.delete(key)
  }

  /** When a delivery's next attempt is due; undefined when there will be none. */
  #due(alert: Alert, target: Target, now: number): Due | undefined {
    if (!wants(target, alert)) return undefined
    const key = jobKey(alert.id, target.name)
    const last = this.#last.get(key)
    const forTarget = this.#retries.get(target.name) ?? 0
    const forAlert = this.#retries.get(key) ?? 0
    const isGone = this.#isGone(target, Math.max(forTarget, forAlert))
    if (last === undefined) {
      const isStale = alert.at < now - SCHEDULE_SPAN_MILLIS && forAlert === 0
      return isGone || isStale ? undefined : { at: now, attempt: 1, step: 1 }
    }
    const retryAt = last.outcome === "delivered" ? forAlert : Math.max(forTarget, forAlert)
    if (retryAt > last.at) return { at: retryAt, attempt: last.attempt + 1, step: 1 }
    // Another URL than the one that said 410 is worth a new beginning.
    const isMoved = last.outcome === "disabled" && last.endpoint !== endpointOf(target)
    if (isMoved && !isGone) return { at: last.at, attempt: last.attempt + 1, step: 1 }
    if (last.outcome !== "waiting" || isGone) return undefined
    return { at: last.nextAt ?? last.at, attempt: last.attempt + 1, step: last.step + 1 }
  }

  #isGone(target: Target, retryAt: number): boolean {
    const gone = this.#gone.get(target.name)
    if (gone === undefined || retryAt > gone.at || target.since > gone.at) return false
    return gone.endpoint === endpointOf(target)
  }
}

/**
 * Alertmanager believes what it hears last, so "firing" must not arrive after "resolved": there the
 * alerts of a model wait for each other. Whoever asks marks the delivery as the one to wait for.
 */
const isHeld = (held: Set<string>, alert: Alert, target: Target): boolean => {
  if (target.kind !== "alertmanager") return false
  const key = `${target.name} ${alert.model}`
  if (held.has(key)) return true
  held.add(key)
  return false
}
