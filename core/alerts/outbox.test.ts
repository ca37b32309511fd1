// Who is sent what, and when: given alerts, targets and recorded attempts.
import { describe, expect, test } from "bun:test"
import type { DriftFinding } from "#proto/finding"
import { WebhookAttempted } from "#proto/webhook"
import {
  ALERTS_MAX,
  IN_FLIGHT_MAX,
  IN_FLIGHT_PER_TARGET_MAX,
  jobKey,
  Outbox,
  REMEMBERED_MILLIS,
  type Job,
} from "./outbox.ts"
import { SCHEDULE_SPAN_MILLIS } from "./schedule.ts"
import { endpointOf, type Target } from "./target.ts"
import { clearedDrift, detectedDrift } from "./test-findings.ts"

const NOW = 1_800_000_000_000
const target = (name: string, more: Partial<Target> = {}): Target => ({
  name,
  kind: "standard",
  url: `https://${name}.dev/`,
  secrets: [],
  trusted: true,
  since: 0,
  ...more,
})
const attempt = (
  alert: string,
  to: Target,
  more: Partial<WebhookAttempted> = {},
): WebhookAttempted =>
  WebhookAttempted.make({
    alert,
    model: "flights",
    target: to.name,
    endpoint: endpointOf(to),
    attempt: 1,
    step: 1,
    outcome: "delivered",
    at: NOW,
    ...more,
  })
const alert = (id: string, at: number = NOW) => detectedDrift(id, at)
const a = target("a")
const b = target("b")

const given = (targets: ReadonlyArray<Target>, ...alerts: ReadonlyArray<DriftFinding>) => {
  const outbox = new Outbox()
  outbox.setTargets(targets)
  for (const one of alerts) outbox.offer(one, NOW)
  return outbox
}
const none: ReadonlyMap<string, Job> = new Map()
const names = (jobs: ReadonlyArray<Job>) =>
  jobs.map(({ alert: { id }, target: { name }, attempt: number, step }) =>
    [id, name, number, step].join(" "),
  )
const ready = (outbox: Outbox, now = NOW) => names(outbox.plan(now, none).ready)

test("an alert goes to every target that wants it, at once", () => {
  const other = target("other", { models: ["prices"] })
  const later = target("later", { since: NOW + 1 })
  expect(ready(given([a, b, other, later], alert("1")))).toEqual(["1 a 1 1", "1 b 1 1"])
})

test("what was delivered is not sent again, and no longer held", () => {
  const outbox = given([a, b], alert("1"))
  outbox.attempted(attempt("1", a))
  expect(ready(outbox)).toEqual(["1 b 1 1"])
  outbox.attempted(attempt("1", b))
  expect(outbox.plan(NOW, none)).toEqual({ ready: [], wakeAt: undefined })
  expect(outbox.waiting).toBe(0)
  outbox.offer(alert("1"), NOW)
  expect(outbox.waiting).toBe(0)
})

test("a failed delivery waits for its time, whatever was known first", () => {
  const failed = attempt("1", a, { outcome: "waiting", nextAt: NOW + 5_000, step: 1 })
  const known = given([a], alert("1"))
  known.attempted(failed)
  const restarted = new Outbox()
  restarted.attempted(failed)
  restarted.setTargets([a])
  restarted.offer(alert("1"), NOW)
  for (const outbox of [known, restarted]) {
    expect(outbox.plan(NOW, none)).toEqual({ ready: [], wakeAt: NOW + 5_000 })
    expect(ready(outbox, NOW + 5_000)).toEqual(["1 a 2 2"])
  }
})

test("an attempt that stands in the log twice, or out of order, counts once", () => {
  const outbox = given([a], alert("1"))
  const second = attempt("1", a, { attempt: 2, step: 2, outcome: "waiting", nextAt: NOW + 9 })
  outbox.attempted(second)
  outbox.attempted(attempt("1", a, { outcome: "waiting", nextAt: NOW + 1 }))
  outbox.attempted(second)
  expect(ready(outbox, NOW + 10)).toEqual(["1 a 3 3"])
})

describe("an alert that is older than the whole schedule", () => {
  const old = NOW - SCHEDULE_SPAN_MILLIS - 1
  test("is not begun", () => expect(ready(given([a], alert("1", old)))).toEqual([]))
  test("is gone on with when it was begun", () => {
    const outbox = new Outbox()
    outbox.setTargets([a])
    outbox.attempted(attempt("1", a, { outcome: "waiting", nextAt: NOW - 1, attempt: 9, step: 9 }))
    outbox.offer(alert("1", old), NOW)
    expect(ready(outbox)).toEqual(["1 a 10 10"])
  })
  test("is begun when somebody names it", () => {
    const outbox = given([a])
    outbox.retryRequested("a", "1", NOW)
    outbox.offer(alert("1", old), NOW)
    expect(ready(outbox)).toEqual(["1 a 1 1"])
  })
})

describe("a target that said 410", () => {
  const gone = (more: Partial<WebhookAttempted> = {}) => {
    const outbox = given([a], alert("1"))
    outbox.attempted(attempt("1", a, { status: 410, outcome: "disabled", ...more }))
    outbox.offer(alert("2"), NOW)
    return outbox
  }
  test("gets nothing more", () => expect(ready(gone())).toEqual([]))
  test("gets it all after a retry was asked for, the failed one first", () => {
    const outbox = gone()
    outbox.retryRequested("a", undefined, NOW + 1)
    for (const id of ["1", "2"]) outbox.offer(alert(id), NOW + 1)
    expect(ready(outbox, NOW + 1)).toEqual(["1 a 2 1", "2 a 1 1"])
  })
  test("gets everything when it was given another URL", () => {
    const outbox = gone()
    outbox.setTargets([target("a", { url: "https://new.dev/" })])
    outbox.offer(alert("3"), NOW)
    expect(ready(outbox)).toEqual(["1 a 2 1", "3 a 1 1"])
  })
  test("gets new ones when it was removed and added again", () => {
    const outbox = gone()
    outbox.setTargets([target("a", { since: NOW + 1 })])
    outbox.offer(alert("3", NOW + 2), NOW + 2)
    expect(ready(outbox, NOW + 2)).toEqual(["3 a 1 1"])
  })
})

describe("a retry", () => {
  test("of a target begins what failed there anew, and leaves alone what was delivered", () => {
    const outbox = given([a])
    outbox.attempted(attempt("1", a, { attempt: 10, step: 10, outcome: "exhausted" }))
    outbox.attempted(attempt("2", a))
    outbox.attempted(attempt("3", a, { outcome: "dropped" }))
    outbox.retryRequested("a", undefined, NOW + 1)
    for (const id of ["1", "2", "3"]) outbox.offer(alert(id), NOW + 1)
    expect(ready(outbox, NOW + 1)).toEqual(["1 a 11 1", "3 a 2 1"])
  })
  test("of one alert sends it again, also when it was delivered, and once only", () => {
    const outbox = given([a])
    outbox.attempted(attempt("1", a))
    outbox.retryRequested("a", "1", NOW + 1)
    outbox.offer(alert("1"), NOW + 1)
    expect(ready(outbox, NOW + 1)).toEqual(["1 a 2 1"])
    outbox.attempted(attempt("1", a, { attempt: 2, at: NOW + 2 }))
    outbox.offer(alert("1"), NOW + 3)
    expect(ready(outbox, NOW + 3)).toEqual([])
  })
})

describe("limits", () => {
  test("one target is sent two at a time, all together eight", () => {
    const targets = ["c", "d", "e", "f", "g"].map((name) => target(name))
    const alerts = ["1", "2", "3"].map((id) => alert(id))
    const { ready: jobs } = given(targets, ...alerts).plan(NOW, none)
    expect(jobs.length).toBe(IN_FLIGHT_MAX)
    for (const { name } of targets)
      expect(jobs.filter((job) => job.target.name === name).length).toBeLessThanOrEqual(
        IN_FLIGHT_PER_TARGET_MAX,
      )
  })

  test("what is being sent counts, and is not sent twice", () => {
    const outbox = given([a], alert("1"), alert("2"), alert("3"))
    const inFlight = new Map<string, Job>()
    for (const job of outbox.plan(NOW, inFlight).ready)
      inFlight.set(jobKey(job.alert.id, job.target.name), job)
    expect([...inFlight.keys()]).toEqual(["a 1", "a 2"])
    expect(outbox.plan(NOW, inFlight).ready).toEqual([])
    inFlight.delete("a 1")
    outbox.attempted(attempt("1", a))
    expect(names(outbox.plan(NOW, inFlight).ready)).toEqual(["3 a 1 1"])
  })

  test("when too many alerts wait, the oldest is given up and said so", () => {
    const outbox = given([a, b])
    for (let id = 1; id <= ALERTS_MAX; id++)
      expect(outbox.offer(alert(String(id)), NOW)).toEqual([])
    expect(names(outbox.offer(alert("new"), NOW))).toEqual(["1 a 1 1", "1 b 1 1"])
    expect(outbox.waiting).toBe(ALERTS_MAX)
  })

  test("what ended long ago is forgotten, and not begun again by being offered", () => {
    const outbox = given([a])
    outbox.attempted(attempt("1", a))
    const later = NOW + REMEMBERED_MILLIS + 1
    outbox.prune(later)
    outbox.offer(alert("1"), later)
    expect(ready(outbox, later)).toEqual([])
  })
})

describe("Alertmanager", () => {
  const manager = target("am", { kind: "alertmanager" })
  const ended = clearedDrift("2", NOW)

  test("hears of the end of drift only after it has heard of its beginning", () => {
    const outbox = given([manager, a], alert("1"), ended)
    expect(ready(outbox)).toEqual(["1 am 1 1", "1 a 1 1", "2 a 1 1"])
    outbox.attempted(attempt("1", manager, { outcome: "waiting", nextAt: NOW + 10 }))
    expect(ready(outbox)).not.toContain("2 am 1 1")
    outbox.attempted(attempt("1", manager, { attempt: 2, step: 2 }))
    expect(ready(outbox)).toContain("2 am 1 1")
  })

  test("is not told of the end while the beginning is being sent", () => {
    const outbox = given([manager], alert("1"), ended)
    const [job] = outbox.plan(NOW, none).ready
    if (job === undefined) throw new Error("nothing was ready")
    expect(outbox.plan(NOW, new Map([["am 1", job]])).ready).toEqual([])
  })

  test("does not let one model wait for another", () => {
    const outbox = given([manager], alert("1"), detectedDrift("2", NOW, "prices"))
    expect(ready(outbox)).toEqual(["1 am 1 1", "2 am 1 1"])
  })
})
