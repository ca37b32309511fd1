// Clients and tools from the Python package index, unmodified, against a whole system.
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startWholeSystem, type WholeSystem } from "../conformance/whole-system.ts"
import { runPython, testWithModules } from "../support/python.ts"
import { run, testWithTools } from "./tools.ts"

const START_MILLIS = 60_000
const TOOL_MILLIS = 120_000
setDefaultTimeout(TOOL_MILLIS)

const OFFICIAL = join(import.meta.dir, "..", "conformance", "openapi", "open_inference_rest.yaml")
const CHECKS = ["not_a_server_error", "response_schema_conformance", "content_type_conformance"]
const CONFIGURATION = `[parameters]
"path.model" = "mixed"
"path.version" = "1"
"path.MODEL_NAME" = "mixed"
"path.MODEL_VERSION" = "1"

[[operations]]
include-path-regex = "/v2/repository/models"
parameters = { "path.model" = "uint8", "path.version" = "1" }
`
const SEED = 7
const SECONDS_MAX = 20

let system: WholeSystem
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-stock-clients-"))
  system = await startWholeSystem()
}, START_MILLIS)
afterAll(async () => {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, START_MILLIS)

testWithTools(["kserve"], "the REST client of KServe works as it is, V1 and V2", async ([tool]) => {
  const script = join(import.meta.dir, "kserve_client.py")
  const words = ["python3", script, system.url]
  const { code, output, errors } = await run(words, { PYTHONPATH: tool ?? "" }, folder)
  expect([code, errors]).toEqual([0, ""])
  const answer: unknown = JSON.parse(output)
  expect(answer).toEqual({ asked: 58, faults: [] })
})

testWithModules(
  ["tritonclient.http.aio"],
  "Triton's client controls models over HTTP, blocking and asynchronous",
  async () => {
    const script = join(import.meta.dir, "triton_control.py")
    const words = [script, system.url.replace("http://", "")]
    const { code, output, errors } = await runPython(words)
    expect([code, errors]).toEqual([0, ""])
    const answer: unknown = JSON.parse(output)
    expect(answer).toEqual({ asked: 45, faults: [] })
  },
)

const schemathesis = async (tool: string, document: string, checks: ReadonlyArray<string>) => {
  await Bun.write(join(folder, "schemathesis.toml"), CONFIGURATION)
  const program = join(tool, "bin", "schemathesis")
  const words = ["python3", program, "run", document, "--url", system.url, "--no-color"]
  const what = ["--checks", checks.join(), "--phases", "examples,coverage,fuzzing"]
  const bounds = ["--seed", `${SEED}`, "--max-time", `${SECONDS_MAX}`, "--request-timeout", "10"]
  // Feeds do not end; the page is no JSON.
  const skipped = ["--exclude-path-regex", "/feed$|/docs$"]
  const all = [...words, ...what, ...bounds, ...skipped]
  return run(all, { PYTHONPATH: tool }, folder)
}

const expectAllPassed = ({ code, output }: Awaited<ReturnType<typeof run>>, least: number) => {
  expect(output.slice(output.indexOf("= FAILURES ="))).not.toMatch(/ST\d+ /)
  expect(code).toBe(0)
  const [, generated = "", passed] = /(\d+) generated, (\d+) passed/.exec(output) ?? []
  expect([passed, Number(generated) >= least]).toEqual([generated, true])
  console.log(`conformance: schemathesis: ${passed} of ${generated} passed`)
}

testWithTools(
  ["schemathesis"],
  "schemathesis finds nothing by the protocol's own document",
  async ([tool = ""]) => {
    const document = join(folder, "official.yaml")
    // As it stands no tool reads its paths: "${MODEL_NAME}" is not the parameter MODEL_NAME.
    await Bun.write(document, (await Bun.file(OFFICIAL).text()).replaceAll("${", "{"))
    expectAllPassed(await schemathesis(tool, document, CHECKS), 50)
  },
)

testWithTools(
  ["schemathesis"],
  "schemathesis finds nothing by our own document, nor a status that it does not name",
  async ([tool = ""]) => {
    const checks = [...CHECKS, "status_code_conformance"]
    expectAllPassed(await schemathesis(tool, `${system.url}/openapi.json`, checks), 200)
  },
)

const LIBRARIES = ["usr/lib/x86_64-linux-gnu", "nvidia/cuda_runtime/lib"]

for (const protocol of ["http", "grpc"])
  testWithTools(
    ["perf_analyzer", "libb64", "cudart"],
    `perf_analyzer of Triton measures 1 to 16 callers over ${protocol} without an error`,
    async ([tool = "", ...libraries]) => {
      const address = protocol === "grpc" ? system.grpc : system.url.replace("http://", "")
      const words = [
        join(tool, "bin", "perf_analyzer"),
        "-m",
        "fp32",
        "-u",
        address,
        "-i",
        protocol,
      ]
      const callers = ["--concurrency-range", "1:16:5", "--stability-percentage", "999"]
      const window = ["--measurement-mode", "count_windows", "--measurement-request-count", "200"]
      const paths = libraries.flatMap((one) => LIBRARIES.map((path) => join(one, path)))
      const environment = { LD_LIBRARY_PATH: paths.join(":") }
      const { code, output, errors } = await run([...words, ...callers, ...window], environment)
      expect([code, errors]).toEqual([0, ""])
      expect(
        output.match(/^Concurrency: (1|6|11|16), throughput: [\d.]+ infer\/sec/gm),
      ).toHaveLength(4)
    },
  )
