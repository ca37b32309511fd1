// Which models are imported when the user says what, and nothing.
import { expect, test } from "bun:test"
import { describeImport, modelSources } from "./models.ts"

test("without a word the demo is imported", () => {
  expect(modelSources(undefined, {})).toMatchObject([{ type: "folder", isDemo: true }])
})

test("a folder and MODEL_PATH are both imported, and then no demo", () => {
  const environment = { MODEL_PATH: "m.onnx", MODEL_VERSION_PATH: "v.txt" }
  expect(modelSources("/models", environment)).toEqual([
    { type: "folder", path: "/models", isDemo: false },
    { type: "file", path: "m.onnx", isNamed: true, versionPath: "v.txt", isVersionNamed: true },
  ])
})

test("an empty variable is as good as none", () => {
  expect(modelSources(undefined, { MODEL_PATH: "" })).toMatchObject([{ isDemo: true }])
})

test("a report says what is new and what is refused, and not what was there already", () => {
  const told = describeImport({
    versions: [
      { outcome: "imported", model: "a", version: "2", path: "/a/2" },
      { outcome: "unchanged", model: "a", version: "1", path: "/a/1" },
      { outcome: "refused", path: "/b/x", reason: "no version name" },
    ],
    promoted: [{ model: "a", version: "2" }],
    configured: ["a"],
  })
  expect(told).toEqual([
    "model a, version 2 imported",
    "/b/x is not imported: no version name",
    "the configuration of model a is changed",
    "model a is now served by version 2",
  ])
})
