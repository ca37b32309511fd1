// A watched folder: what is added to it is served without a restart.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { appendFile, mkdtemp, mkdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ImportDependencies, ImportReport } from "./import.ts"
import { startNats, type TestServer } from "../../test/support/nats-server.ts"
import { jetStreamArtifacts } from "./object-store.ts"
import { signatureOf, startRegistry, type TestRegistry } from "./test-registry.ts"
import { watchDirectory } from "./watch-directory.ts"

const INTERVAL_MILLIS = 40
// A second each on an idle machine. Long, because a test that times out takes its server with it.
setDefaultTimeout(60_000)

let registry: TestRegistry<TestServer>
let deps: ImportDependencies
let folder = ""

beforeAll(async () => {
  registry = await startRegistry(startNats())
  folder = await mkdtemp(join(tmpdir(), "weir-watch-"))
  deps = {
    log: registry.log,
    artifacts: jetStreamArtifacts(registry.log),
    inspect: async (bytes) => ({ signature: signatureOf(new TextDecoder().decode(bytes)) }),
    now: () => 1,
  }
})
afterAll(async () => {
  await registry.stop()
  await rm(folder, { recursive: true, force: true })
})

/** What a watch says, in order; `next` waits for it. */
const recorded = <A>() => {
  const waiting: Array<(value: A) => void> = []
  const values: Array<A> = []
  return {
    add: (value: A) => {
      const resolve = waiting.shift()
      if (resolve === undefined) values.push(value)
      else resolve(value)
    },
    next: () => {
      const value = values.shift()
      if (value !== undefined) return Promise.resolve(value)
      const { promise, resolve } = Promise.withResolvers<A>()
      waiting.push(resolve)
      return promise
    },
    left: () => values.length,
  }
}

type Reports = ReturnType<typeof recorded<ImportReport>>
/** A folder may be seen before its first file: the report in which something came of it. */
const fruitful = async (reports: Reports): Promise<ImportReport> => {
  for (;;) {
    const report = await reports.next()
    if (report.promoted.length > 0) return report
  }
}

const put = async (path: string, content: string) => {
  await mkdir(join(folder, path), { recursive: true })
  await writeFile(join(folder, path, "model.onnx"), content)
}

test("a watched folder is imported at once and after each change only", async () => {
  await put("live/m/1", "one")
  const reports = recorded<ImportReport>()
  const watching = watchDirectory(deps, join(folder, "live"), {
    intervalMillis: INTERVAL_MILLIS,
    onReport: reports.add,
    onFailure: (cause) => {
      throw cause
    },
  })
  expect((await reports.next()).promoted).toEqual([{ model: "m", version: "1" }])
  await put("live/m/2", "two")
  expect((await fruitful(reports)).promoted).toEqual([{ model: "m", version: "2" }])
  await appendFile(join(folder, "live/m/2/model.onnx"), "!")
  expect((await reports.next()).versions).toMatchObject([
    { version: "1", outcome: "unchanged" },
    { version: "2", outcome: "refused" },
  ])
  await watching.close()
  expect(reports.left()).toBe(0)
})

test("a failure is told and tried again, so a folder that appears later is imported", async () => {
  const reports = recorded<ImportReport>()
  const failures = recorded<unknown>()
  const watching = watchDirectory(deps, join(folder, "later"), {
    intervalMillis: INTERVAL_MILLIS,
    onReport: reports.add,
    onFailure: failures.add,
  })
  expect(String(await failures.next())).toContain("later does not exist")
  await failures.next()
  await put("later/n/1", "one")
  expect((await fruitful(reports)).promoted).toEqual([{ model: "n", version: "1" }])
  await watching.close()
})
