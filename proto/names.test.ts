import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import {
  compareVersions,
  isLogId,
  isModelName,
  isVersionName,
  LogId,
  ModelName,
  modelOfToken,
  modelToken,
} from "./names.ts"
import * as subjects from "./subjects.ts"

const HOSTILE = [
  "",
  "*",
  ">",
  "a b",
  "a\n",
  "a\tb",
  "é",
  "a/b",
  "a~b",
  "$JS",
  "a".repeat(65),
  "a\0",
]
const isToken = (token: string) => token !== "" && !/[.*>\s]/u.test(token)

describe("names", () => {
  test("of models, versions and ids refuse what cannot be in a subject", () => {
    for (const name of HOSTILE) {
      expect(isModelName(name)).toBe(false)
      expect(isVersionName(name)).toBe(false)
      expect(isLogId(name)).toBe(false)
    }
  })
  test("of models may have points, those of versions and ids not", () => {
    expect(isModelName("team.flights-v2_x")).toBe(true)
    expect(isVersionName("1.2")).toBe(false)
    expect(isLogId("a.b")).toBe(false)
    expect([isModelName, isVersionName, isLogId].every((is) => is("a".repeat(64)))).toBe(true)
  })
  test("of versions are ordered by number first, then by text", () => {
    expect(["b", "10", "a", "9", "1"].toSorted(compareVersions)).toEqual(["1", "9", "10", "a", "b"])
    expect(compareVersions("7", "7")).toBe(0)
  })
})

describe("subjects", () => {
  property(
    "name the model in one token, from which it is read back",
    Arbitrary.schema(Schema.Tuple([ModelName, ModelName, LogId])),
    ([model, other, id]) => {
      expect(isToken(modelToken(model))).toBe(true)
      expect(modelOfToken(modelToken(model))).toBe(model)
      expect(modelToken(model) === modelToken(other)).toBe(model === other)
      const builders = [
        subjects.requestSubject,
        subjects.predictionSubject,
        subjects.outcomeSubject,
        subjects.deadSubject,
      ]
      for (const build of builders) {
        expect(build(model, id).split(".")).toHaveLength(4)
        expect(subjects.modelAndId(build(model, id))).toEqual({ model, id })
        expect(subjects.rawModelAndId(build(model, id))).toEqual({ model, id })
      }
      expect(subjects.modelOfEvent(subjects.eventSubject("release", model))).toBe(model)
      expect(subjects.modelOfHistory(subjects.historySubject(model))).toBe(model)
    },
  )

  test("are spelled as the design says", () => {
    expect([
      subjects.requestSubject("a.b", "id1"),
      subjects.predictionSubject("a.b", "id1"),
      subjects.outcomeSubject("a.b", "id1"),
      subjects.deadSubject("a.b", "id1"),
      subjects.historySubject("a.b"),
      subjects.eventSubject("release", "a.b"),
      subjects.findingSubject("drift", "a.b"),
      subjects.storedSubject("a.b", "some-id1"),
      subjects.storedSubject("a.b", "id1"),
      subjects.replyPrefix("p1"),
    ]).toEqual([
      "weir.request.a~b.id1",
      "weir.prediction.a~b.id1",
      "weir.outcome.a~b.id1",
      "weir.dead.a~b.id1",
      "weir.history.a~b",
      "weir.event.release.a~b",
      "weir.finding.drift.a~b",
      "weir.stored.prediction.a~b.some-id1.-id1",
      "weir.stored.prediction.a~b.id1.id1",
      "weir.reply.p1",
    ])
  })

  test("of stored copies name the id that is waited for", () => {
    for (const id of ["0123456789abcdefghijklmnop", "id1", "x"])
      expect(subjects.idOfStored(subjects.storedSubject("a.b", id))).toBe(id)
  })

  test("of producers that hold no valid model or id are told apart, and keep their tokens", () => {
    for (const subject of ["weir.request.a", "weir.request.a.b.c", "weir.request.a!.b", ""])
      expect(subjects.modelAndId(subject)).toBeUndefined()
    expect(subjects.rawModelAndId("weir.request.a!.b/c")).toEqual({ model: "a!", id: "b/c" })
  })
})

describe("a reply subject", () => {
  test("lies below an inbox prefix or weir.reply", () => {
    const good = [
      "_INBOX.abc",
      "_INBOX.abc.1",
      "_INBOX_gw.x",
      "_INBOX_gateway-1.x.y",
      "weir.reply.p1",
      "weir.reply.p1.7",
    ]
    expect(good.filter((subject) => !subjects.isReplySubject(subject))).toEqual([])
  })
  test("is refused anywhere else, with wildcards, or when it is long", () => {
    const bad = [
      "",
      "_INBOX",
      "_INBOX.",
      "_INBOX..a",
      "_INBOX.*",
      "_INBOX.>",
      "_INBOX.a b",
      "_INBOX.a\r\nPUB x 0",
      "_INBOXevil.a",
      "_INBOX_.a",
      "_inbox.a",
      "weir.reply",
      "weir.reply.",
      "weir.reply.*",
      "weir.replyx.a",
      "weir.request.m.id",
      "weir.event.release.m",
      "$JS.API.STREAM.DELETE.EVENTS",
      "$SYS.REQ.SERVER.PING",
      "x._INBOX.a",
      `_INBOX.${"a".repeat(200)}`,
    ]
    expect(bad.filter(subjects.isReplySubject)).toEqual([])
  })
})
