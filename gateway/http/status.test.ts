import { expect, test } from "bun:test"
import { FailureReason } from "#proto/prediction"
import { CASE_OF_FAILURE, CASES, failureMessage, refuse, type ErrorCase } from "./status.ts"
import { makeResponder } from "./respond.ts"

/** The table of the contract, written down a second time. */
const CONTRACT: Readonly<Record<number, ReadonlyArray<ErrorCase>>> = {
  400: ["invalid"],
  401: ["unauthenticated"],
  403: ["forbidden"],
  404: ["unknownModel", "unknownVersion", "unknownId", "unknownRoute"],
  405: ["methodNotAllowed"],
  408: ["bodyTimedOut"],
  410: ["gone"],
  413: ["tooLarge"],
  415: ["unsupportedMediaType", "unsupportedEncoding"],
  422: ["keyReused", "quality"],
  429: ["rateLimited", "queueFull", "tooManyInFlight", "tooManyReaders"],
  500: ["modelError", "outputTooLarge", "exhausted", "internal", "unreadableFact"],
  501: ["unsupported"],
  503: ["storeFull", "logUnavailable", "noPredictor", "modelUnavailable", "notReady"],
  504: ["timedOut", "expired"],
}

const names = Object.keys(CASES).filter((name): name is ErrorCase => name in CASES)
const responder = (shedStatus: number) =>
  makeResponder({
    retryAfterSeconds: () => 1,
    releases: { model: () => undefined, caughtUp: async () => undefined },
    shedStatus,
  })

test("every case has the status of the contract and a code word of its own", () => {
  const listed = Object.entries(CONTRACT).flatMap(([status, cases]) =>
    cases.map((name) => [name, Number(status)] as const),
  )
  expect(listed.toSorted()).toEqual(
    names.map((name) => [name, CASES[name].status] as const).toSorted(),
  )
  expect(new Set(names.map((name) => CASES[name].code)).size).toBe(names.length)
})

for (const name of names)
  test(`a refusal for ${name} is JSON with error, code and id`, async () => {
    const response = responder(429).refused(
      refuse(name, "x: expected y, got z", { id: "abc", retryAfterSeconds: 7, allow: "GET" }),
    )
    expect(response.status).toBe(CASES[name].status)
    expect(response.headers.get("content-type")).toBe("application/json")
    expect(response.headers.get("retry-after")).toBe("7")
    expect(response.headers.get("weir-id")).toBe("abc")
    expect(response.headers.get("allow")).toBe("GET")
    expect(await response.json()).toEqual({
      error: "x: expected y, got z",
      code: CASES[name].code,
      id: "abc",
    })
  })

test("only refusals of load follow the configured status", () => {
  const statuses = names.filter(
    (name) => responder(503).refused(refuse(name, "")).status !== CASES[name].status,
  )
  expect(statuses.toSorted()).toEqual(["queueFull", "rateLimited", "tooManyInFlight"])
  for (const name of statuses) expect(responder(503).refused(refuse(name, "")).status).toBe(503)
})

test("every stored failure is a case, and what a model said stays inside", () => {
  const statusOf = (reason: FailureReason) => CASES[CASE_OF_FAILURE[reason]].status
  expect(Object.fromEntries(FailureReason.literals.map((one) => [one, statusOf(one)]))).toEqual({
    invalid: 400,
    quality: 422,
    unknown_model: 404,
    unknown_version: 404,
    model_error: 500,
    output_too_large: 500,
    expired: 504,
    exhausted: 500,
  })
  expect(failureMessage("model_error", "segment 0x1")).not.toContain("0x1")
  expect(failureMessage("invalid", "data: expected rows")).toBe("data: expected rows")
})
