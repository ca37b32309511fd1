// What `weir up` refuses before it starts anything, and what it says when there is nothing to
// serve.
import { afterAll, afterEach, expect, test } from "bun:test"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { closeLog, openLog } from "#core/log/log"
import { findNatsServer } from "#core/log/nats-binary"
import { freePorts, startNats } from "../../test/support/nats-server.ts"
import { inProject } from "../project.ts"
import { endedUp, startUpOn, stopUps } from "./test-up.ts"

/** Starting and ending five processes on a machine that is busy. */
const UP_WAIT_MILLIS = 60_000
const MIB = 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), "weir-up-refusals-"))
afterEach(stopUps)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const never = join(folder, "never-made")

test("bad settings of any service are all named, with 2, and nothing is started", () => {
  const { code, said } = endedUp(never, [], {
    WEIR_IN_FLIGHT_MAX: "oops",
    WEIR_PREFETCH_MAX: "many",
    WEIR_DRIFT_QUEUED_WINDOWS: "0",
  })
  expect(said).toContain("WEIR_IN_FLIGHT_MAX: expected a whole number from")
  expect(said).toContain("WEIR_PREFETCH_MAX")
  expect(said).toContain("WEIR_DRIFT_QUEUED_WINDOWS")
  expect(code).toBe(2)
  expect(endedUp(never, [], { WEIR_MAX_DELIVERIES: "2" })).toMatchObject({ code: 2 })
  expect(existsSync(never)).toBe(false)
})

test("a model file that is named and not there is said before anything is started", () => {
  const { code, said } = endedUp(never, [], { MODEL_PATH: "/no/model.onnx" })
  expect(said).toContain("MODEL_PATH: /no/model.onnx does not exist")
  expect(code).toBe(2)
  expect(existsSync(never)).toBe(false)
})

test("a busy port for gRPC is a sentence that names its flag", () => {
  const busy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const { code, said } = endedUp(never, ["--grpc-port", String(busy.port)])
  busy.stop(true)
  expect(said).toBe(
    `weir: port ${busy.port} on 127.0.0.1 is already in use; ` +
      "choose another with --grpc-port, or none for no gRPC\n",
  )
  expect(code).toBe(1)
  expect(endedUp(never, ["--grpc-port", "0"]).said).toContain("--grpc-port must be a whole number")
  expect(existsSync(never)).toBe(false)
})

test("equal ports, repeated flags and folders that are none are refused by name", () => {
  const file = join(folder, "a-file")
  writeFileSync(file, "")
  const refused = (words: ReadonlyArray<string>) => {
    const ended = Bun.spawnSync([process.execPath, inProject("cli", "main.ts"), "up", ...words])
    return `${ended.exitCode} ${ended.stderr}`
  }
  const equal = ["--port", "18461", "--grpc-port", "18461", "--data", never]
  expect(refused(equal)).toStartWith("2 weir up: --port and --grpc-port are both 18461")
  expect(refused(["--port", "1", "--port", "2"])).toContain("--port is given more than once")
  expect(refused(["--data", ""])).toContain("--data must name a folder")
  expect(refused(["--models", file])).toContain("it is a file, expected a folder")
  expect(existsSync(never)).toBe(false)
})

test("a log folder that is none is a sentence, here and in the doctor", () => {
  const data = join(folder, "strange")
  mkdirSync(data)
  writeFileSync(join(data, "nats"), "")
  const { code, said } = endedUp(data, [])
  expect(said).toBe(`weir: --data: ${join(data, "nats")} is not a folder\n`)
  expect(code).toBe(1)
  const busy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const words = ["doctor", "--data", data, "--grpc-port", String(busy.port)]
  const doctor = Bun.spawnSync([process.execPath, inProject("cli", "main.ts"), ...words])
  busy.stop(true)
  expect(doctor.stdout.toString()).toContain(`BAD  data: ${join(data, "nats")} is not a folder`)
  expect(doctor.stdout.toString()).toContain(`BAD  gRPC port: port ${busy.port}`)
  expect(doctor.exitCode).toBe(1)
})

test("a folder that cannot be made is a sentence", () => {
  const { code, said } = endedUp("/proc/nope", [])
  expect(said).toStartWith("weir: --data /proc/nope: the folder cannot be made: ENOENT")
  expect(said.trim().split("\n")).toHaveLength(1)
  expect(code).toBe(1)
})

test("neither a server that is away nor a bad address shows its password", () => {
  const [port = 0] = freePorts(1)
  const away = endedUp(join(folder, "away"), ["--nats", `nats://u:secretpw@127.0.0.1:${port}`])
  expect(away.said).toContain(`no NATS server answers at nats://***@127.0.0.1:${port}`)
  expect(away.code).toBe(1)
  const bad = endedUp(never, ["--nats", "http://u:secretpw@x"])
  expect(bad.said).toContain("--nats: expected nats://host:port")
  expect(bad.code).toBe(2)
  expect(away.said + bad.said).not.toContain("secretpw")
})

test(
  "a server that takes small messages only is left alone, with the value that it needs",
  async () => {
    const nats = await startNats({ maxPayloadBytes: MIB })
    const { code, said } = endedUp(never, ["--nats", nats.url])
    expect(said).toContain("at most 1048576 bytes and Weir needs 7565536")
    expect(said).toContain('set "max_payload: 8388608" in its configuration')
    expect(said).toContain("WEIR_OUTPUT_MAX_BYTES (4000000) to 983040 together")
    expect(code).toBe(1)
    const log = await openLog({ servers: nats.url, name: "test" })
    expect(await log.manager.streams.list().next()).toEqual([])
    await closeLog(log)
    await nats.stop()
  },
  UP_WAIT_MILLIS,
)

test(
  "a server without JetStream is a sentence",
  async () => {
    const [port = 0] = freePorts(1)
    const words = ["-a", "127.0.0.1", "-p", String(port)]
    const server = Bun.spawn([findNatsServer().path, ...words], { stderr: "pipe" })
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    const follow = async () => {
      for await (const chunk of server.stderr)
        if (Buffer.from(chunk).toString().includes("Server is ready")) resolve()
    }
    void follow()
    await ready
    const fitting = { WEIR_REQUEST_MAX_BYTES: "400000", WEIR_OUTPUT_MAX_BYTES: "500000" }
    const { code, said } = endedUp(never, ["--nats", `127.0.0.1:${port}`], fitting)
    server.kill("SIGTERM")
    await server.exited
    expect(said).toStartWith("weir: this NATS server has no JetStream: start it with")
    expect(code).toBe(1)
  },
  UP_WAIT_MILLIS,
)

test(
  "the banner over a server with credentials shows none, and limits that fit are taken",
  async () => {
    const nats = await startNats()
    const url = nats.url.replace("nats://", "nats://u:secretpw@")
    const up = startUpOn(join(folder, "banner"), ["--nats", url])
    await up.line("ready after")
    expect(await up.line("  NATS ")).toContain("nats://***@127.0.0.1")
    expect(up.said()).not.toContain("secretpw")
    await stopUps()
    await nats.stop()
  },
  UP_WAIT_MILLIS,
)

test(
  "without a model it says so and stays up, and serves one that is added",
  async () => {
    const models = join(folder, "empty")
    mkdirSync(models)
    const up = startUpOn(join(folder, "data"), ["--models", models])
    await up.line(`there is no model in ${models} yet`)
    expect(await up.line("not ready after")).toEndWith("waiting: no model is loaded")
    await up.line("  HTTP ")
    const flights = inProject("examples", "flights", "models", "flights")
    cpSync(flights, join(models, "flights"), { recursive: true })
    await up.line("ready after")
  },
  UP_WAIT_MILLIS,
)

test(
  "a model that is refused is said once, and a ready one by its name",
  async () => {
    const models = join(folder, "refused")
    mkdirSync(join(models, "broken", "1"), { recursive: true })
    writeFileSync(join(models, "broken", "1", "model.onnx"), "no model")
    const up = startUpOn(join(folder, "refusing"), ["--models", models])
    await up.line("is not imported")
    const flights = inProject("examples", "flights", "models", "flights")
    cpSync(flights, join(models, "flights"), { recursive: true })
    await up.line("model flights is now served by version 1")
    // The predictor's line may come before the one of the import, or after it.
    const isReady = (line: string) => line.includes("a model version is ready")
    const before = up.said().split("\n").slice(0, -1).find(isReady)
    const ready = before ?? (await up.line("a model version is ready"))
    expect(JSON.parse(ready)).toMatchObject({ model: "flights", version: "1" })
    expect(up.said().split("is not imported")).toHaveLength(2)
  },
  UP_WAIT_MILLIS,
)

test("a mistake in what the drift-monitor is told is named before anything is started", () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const wrong: ReadonlyArray<readonly [Readonly<Record<string, string>>, string]> = [
    [{ DRIFT_CONFIG: "/no/drift.yaml" }, "DRIFT_CONFIG: expected"],
    [{ DRIFT_CONFIG: file("no.yaml", "defaults: [") }, "DRIFT_CONFIG: expected"],
    [{ DRIFT_CONFIG: file("key.yaml", "defaults: { alhpa: 1 }") }, "alhpa"],
    [
      { DRIFT_CONFIG: file("ref.yaml", "models: { m: { reference: { file: /no.csv } } }") },
      "models.m.reference.file",
    ],
    [{ DRIFT_WEBHOOK: "ftp://somewhere/x" }, "DRIFT_WEBHOOK: expected an http or https URL"],
    [{ DRIFT_WEBHOOK_SECRET: "hunter2" }, "DRIFT_WEBHOOK_SECRET: expected whsec_"],
  ]
  const unmade = join(folder, "unmade")
  for (const [environment, named] of wrong) {
    const { code, said } = endedUp(unmade, [], environment)
    expect(said).toContain(named)
    expect(said).not.toContain("hunter2")
    expect(code).toBe(2)
  }
  expect(existsSync(unmade)).toBe(false)
})
