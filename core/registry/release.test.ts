// The decider: given facts, when a command, then facts or a refusal.
import { expect, test } from "bun:test"
import {
  ModelConfigured,
  Promoted,
  VersionLoaded,
  VersionRegistered,
  VersionUnloaded,
  type ReleaseFact,
} from "#proto/release"
import {
  decide,
  evolve,
  initialRelease,
  ReleaseRefused,
  type Release,
  type ReleaseCommand,
} from "./release.ts"
import { resolveRelease } from "./releases.ts"
import { registration } from "./test-registry.ts"

const model = "m"
const fold = (facts: ReadonlyArray<ReleaseFact>): Release =>
  facts.reduce((before, fact) => evolve(before, fact), initialRelease(model))
const given = (...facts: ReadonlyArray<ReleaseFact>) => ({
  when: (command: ReleaseCommand) => ({
    then: (...expected: ReadonlyArray<ReleaseFact>) =>
      expect(decide(command, fold(facts))).toEqual(expected),
    thenRefused: (reason: string) => {
      const decision = decide(command, fold(facts))
      expect(decision).toBeInstanceOf(ReleaseRefused)
      expect(decision).toMatchObject({ reason })
    },
  }),
})
const registered = (version: string, letter = "a") => {
  const { type: _, ...fields } = registration(version, letter)
  return VersionRegistered.make({ model, ...fields })
}
const promoted = (version: string, evidence = "replay 7", at = 1) =>
  Promoted.make({ model, version, evidence, at })
const unloaded = (version: string) => VersionUnloaded.make({ model, version, at: 2 })
const loaded = (version: string) => VersionLoaded.make({ model, version, at: 3 })
const promote = (version: string): ReleaseCommand => ({
  type: "Promote",
  version,
  evidence: "replay 7",
  at: 1,
})
const promoteImported = (...versions: ReadonlyArray<string>): ReleaseCommand => ({
  type: "PromoteImported",
  versions,
  at: 1,
})

test("a version is registered with all that describes it", () => {
  given().when(registration("1")).then(registered("1"))
})

test("registering the same bytes and signature again changes nothing", () => {
  given(registered("1"))
    .when(registration("1", "a", 99))
    .then()
})

test("other bytes under a registered version are refused", () => {
  given(registered("1"))
    .when(registration("1", "b"))
    .thenRefused("version 1 is registered with other bytes; a change needs a new version")
})

test("another signature for registered bytes is refused", () => {
  given(registered("1"))
    .when({ ...registration("1"), signatureDigest: "b".repeat(64) })
    .thenRefused("version 1 is registered with another signature; a change needs a new version")
})

test("a version whose name cannot travel in a subject is refused", () => {
  given().when(registration("1.0")).thenRefused('"1.0" is no version name ([A-Za-z0-9_-]{1,64})')
})

test("a version that was never registered cannot be promoted", () => {
  given(registered("1")).when(promote("2")).thenRefused("version 2 is not registered")
})

test("a version that is unloaded cannot be promoted", () => {
  given(registered("1"), unloaded("1")).when(promote("1")).thenRefused("version 1 is unloaded")
})

test("promoting the champion changes nothing", () => {
  given(registered("1"), promoted("1", "other")).when(promote("1")).then()
})

test("any loaded version can be promoted, a lower one too", () => {
  given(registered("1"), registered("2"), promoted("2")).when(promote("1")).then(promoted("1"))
})

test("unloading names one version, or all that are loaded", () => {
  const facts = given(registered("1"), registered("2"), registered("3"), unloaded("2"))
  facts.when({ type: "Unload", version: "3", at: 2 }).then(unloaded("3"))
  facts.when({ type: "Unload", version: "2", at: 2 }).then()
  facts.when({ type: "Unload", at: 2 }).then(unloaded("1"), unloaded("3"))
  facts.when({ type: "Load", at: 3 }).then(loaded("2"))
})

test("loading or unloading what was never registered is refused", () => {
  given(registered("1"))
    .when({ type: "Load", version: "9", at: 1 })
    .thenRefused("version 9 is not registered")
  given().when({ type: "Unload", at: 1 }).thenRefused("the model has no versions")
})

test("an import promotes the highest of its loaded versions when there is no champion", () => {
  given(registered("9"), registered("10"), registered("11"), unloaded("11"))
    .when(promoteImported("9", "10", "11"))
    .then(promoted("10", "directory"))
})

test("an import follows an import upwards and never goes back", () => {
  const facts = [registered("9"), registered("10")]
  given(...facts, promoted("9", "directory"))
    .when(promoteImported("10"))
    .then(promoted("10", "directory"))
  given(...facts, promoted("10", "directory"))
    .when(promoteImported("9"))
    .then()
})

test("an import never overrules a promotion with other evidence", () => {
  given(registered("1"), registered("2"), promoted("1", "replay 7"))
    .when(promoteImported("1", "2"))
    .then()
})

test("an import leaves an unloaded champion alone unless it brings a higher version", () => {
  const facts = [registered("1"), registered("2"), promoted("2", "directory"), unloaded("2")]
  given(...facts)
    .when(promoteImported("1", "2"))
    .then()
  given(...facts, registered("3"))
    .when(promoteImported("3"))
    .then(promoted("3", "directory"))
})

test("a model without a champion is unavailable, its versions answer when pinned", () => {
  const release = fold([registered("1")])
  expect(resolveRelease(release, undefined).kind).toBe("unavailable")
  expect(resolveRelease(release, "1")).toMatchObject({ kind: "version", version: "1" })
  expect(resolveRelease(release, "2").kind).toBe("unknown_version")
  expect(resolveRelease(undefined, undefined).kind).toBe("unknown_model")
})

test("an unloaded champion leaves the model unavailable until a load or a promotion", () => {
  const down = [registered("1"), registered("2"), promoted("1"), unloaded("1")]
  expect(resolveRelease(fold(down), undefined).kind).toBe("unavailable")
  expect(resolveRelease(fold(down), "1").kind).toBe("unavailable")
  expect(resolveRelease(fold(down), "2").kind).toBe("version")
  expect(resolveRelease(fold([...down, loaded("1")]), undefined)).toMatchObject({ version: "1" })
  expect(resolveRelease(fold([...down, promoted("2")]), undefined)).toMatchObject({ version: "2" })
})

test("what was stored before an unload is still answered by the unloaded version", () => {
  const release = evolve(fold([registered("1"), promoted("1")]), unloaded("1"), 1_000)
  for (const pinned of [undefined, "1"]) {
    expect(resolveRelease(release, pinned, 1_000)).toMatchObject({ version: "1" })
    expect(resolveRelease(release, pinned, 1_001).kind).toBe("unavailable")
    expect(resolveRelease(release, pinned).kind).toBe("unavailable")
  }
  const again = evolve(evolve(release, loaded("1")), unloaded("1"), 2_000)
  expect(resolveRelease(again, "1", 2_000).kind).toBe("version")
})

test("a configuration holds for all versions until another one comes, and is not repeated", () => {
  const configure = (maxBatchSize: number): ReleaseCommand => ({
    type: "Configure",
    config: { maxBatchSize },
    source: "directory",
    at: 1,
  })
  const config = { maxBatchSize: 4 }
  const four = ModelConfigured.make({ model, config, source: "directory", at: 1 })
  given(registered("1")).when(configure(4)).then(four)
  given(registered("1"), four).when(configure(4)).then()
  given(registered("1")).when({ type: "Configure", config: {}, source: "directory", at: 1 }).then()
  expect(resolveRelease(fold([registered("1"), four]), "1")).toMatchObject({
    config: { maxBatchSize: 4 },
  })
})
