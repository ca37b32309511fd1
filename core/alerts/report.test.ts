// What an operator is told about the deliveries to a target.
import { expect, test } from "bun:test"
import { WebhookAttempted } from "#proto/webhook"
import { reportOf } from "./report.ts"
import { endpointOf, operatorTarget } from "./target.ts"

const target = operatorTarget({
  name: "ops",
  kind: "standard",
  url: "https://ops.dev/",
  secrets: [],
})
const attempt = (alert: string, more: Partial<WebhookAttempted> = {}) =>
  WebhookAttempted.make({
    alert,
    model: "flights",
    target: "ops",
    endpoint: endpointOf(target),
    attempt: 1,
    step: 1,
    outcome: "delivered",
    at: 1,
    ...more,
  })

test("each alert counts once, by what became of it last", () => {
  const report = reportOf(target, [
    attempt("1", { outcome: "waiting", nextAt: 9 }),
    attempt("1", { attempt: 2, at: 2 }),
    attempt("2", { outcome: "waiting", nextAt: 9, at: 3 }),
    attempt("3", { outcome: "exhausted", attempt: 10, at: 4 }),
    attempt("4", { target: "other" }),
  ])
  expect(report.outcomes).toEqual({
    delivered: 1,
    waiting: 1,
    exhausted: 1,
    disabled: 0,
    dropped: 0,
  })
  expect(report.attempts).toBe(4)
  expect(report.failed.map(({ alert }) => alert)).toEqual(["3", "2"])
})

test("a target is disabled by 410 until it is given another URL", () => {
  const gone = [attempt("1", { status: 410, outcome: "disabled" })]
  expect(reportOf(target, gone).isDisabled).toBe(true)
  expect(reportOf({ ...target, url: "https://new.dev/" }, gone).isDisabled).toBe(false)
  expect(reportOf(target, [...gone, attempt("2", { at: 2 })]).isDisabled).toBe(false)
})
