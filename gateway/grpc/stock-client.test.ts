// The stock client of Triton from the Python package index, unmodified, over gRPC against a real
// system.
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test"
import { join } from "node:path"
import { runPython, testWithModules } from "../../test/support/python.ts"
import { importDatatypes } from "../inference/test-datatypes.ts"
import { startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 120_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let address: string

beforeAll(async () => {
  system = await startTestSystem()
  await importDatatypes(system)
  await system.startPredictor()
  address = (await system.startGateway({ WEIR_GRPC_PORT: "0" })).grpcAddress ?? ""
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

testWithModules(
  ["tritonclient.grpc.aio"],
  "tritonclient works over gRPC as it is: sync, aio and stream, every datatype",
  async () => {
    const script = join(import.meta.dir, "stock-client.py")
    const { code, output, errors } = await runPython([script, address])
    expect([code, errors]).toEqual([0, ""])
    const answer: unknown = JSON.parse(output)
    expect(answer).toEqual({ asked: 428, faults: [] })
  },
)
