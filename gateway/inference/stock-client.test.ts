// The stock client of Triton from the Python package index, unmodified, against a real system.
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test"
import { join } from "node:path"
import { runPython, testWithModules } from "../../test/support/python.ts"
import { startTestSystem, type TestSystem } from "../test-system.ts"
import { importDatatypes } from "./test-datatypes.ts"

const START_MILLIS = 120_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem()
  await importDatatypes(system)
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

testWithModules(
  ["tritonclient.http.aio"],
  "tritonclient gets back what it sent: every datatype, raw and JSON, packed and not",
  async () => {
    const script = join(import.meta.dir, "stock-client.py")
    const { code, output, errors } = await runPython([script, url.replace("http://", "")])
    expect([code, errors]).toEqual([0, ""])
    const answer: unknown = JSON.parse(output)
    expect(answer).toEqual({ asked: 454, faults: [] })
  },
)
