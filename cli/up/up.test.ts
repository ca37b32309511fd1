// `weir up` with everything real: an answer from the demo model, a part that comes back after
// SIGKILL, a clean end, and nothing left behind when `up` itself is killed.
import { afterAll, afterEach, expect, test } from "bun:test"
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "nats"
import { findRunningServer } from "#core/log/running-server"
import { freePorts } from "../../test/support/nats-server.ts"
import { portTrouble } from "../port.ts"
import { inProject } from "../project.ts"
import { startUpOn, stopUps } from "./test-up.ts"

/** Starting and ending five processes on a machine that is busy. */
const UP_WAIT_MILLIS = 60_000

const folder = mkdtempSync(join(tmpdir(), "weir-up-"))
afterEach(stopUps)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const startUp = (name: string, ...words: ReadonlyArray<string>) =>
  startUpOn(join(folder, name), words)

const flight = { distance: 1750, hour: 0, weekday: 0, origin: "DTW", destination: "LAS" }
const predict = async (url: string) => {
  const answer = await fetch(`${url}/predict?model=flights`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: [flight] }),
  })
  return { status: answer.status, body: await answer.json() }
}

test(
  "a flight is answered, a killed predictor comes back, Ctrl-C ends everything with 0",
  async () => {
    const [grpcPort = 0] = freePorts(1)
    const up = startUp("whole", "--grpc-port", String(grpcPort))
    await up.line("ready after")
    expect(await up.line("gRPC")).toBe(`  gRPC     127.0.0.1:${grpcPort}`)
    expect(portTrouble("127.0.0.1", grpcPort)).toContain("is already in use")
    const command = (await up.line("curl")).trim()
    const copied = Bun.spawnSync(["/bin/sh", "-c", command])
    expect(JSON.parse(copied.stdout.toString())).toMatchObject({ model: "flights", version: "1" })
    expect(await predict(up.url)).toMatchObject({ status: 200, body: { predictions: [0] } })

    const predictors = Bun.spawnSync(["pgrep", "-P", String(up.child.pid), "-f", "/predictor.js"])
    process.kill(Number(predictors.stdout.toString()), "SIGKILL")
    await up.line("predictor ended (SIGKILL), starts again in 200 ms")
    expect((await predict(up.url)).status).toBe(200)

    up.child.kill("SIGINT")
    await up.line("nats-server stopped (exit 0)")
    expect(await up.child.exited).toBe(0)
    expect(await findRunningServer(join(up.data, "nats"))).toBeUndefined()
  },
  UP_WAIT_MILLIS,
)

test(
  "a folder of models is imported, and a version that is added later is served",
  async () => {
    const models = join(folder, "models")
    cpSync(inProject("examples", "flights", "models", "flights", "1"), join(models, "late", "1"), {
      recursive: true,
    })
    const up = startUp("folder", "--models", models)
    await up.line("model late, version 1 imported")
    await up.line("ready after")
    mkdirSync(join(models, "late", "2"))
    const model = ["late", "2", "model.onnx"] as const
    cpSync(join(models, "late", "1", "model.onnx"), join(models, ...model))
    await up.line("model late is now served by version 2")
  },
  UP_WAIT_MILLIS,
)

test(
  "when up is killed its parts end too",
  async () => {
    const up = startUp("killed")
    await up.line("ready after")
    const server = await findRunningServer(join(up.data, "nats"))
    const connection = await connect({ servers: server?.url ?? "", reconnect: false })
    const services = Bun.spawnSync(["pgrep", "-P", String(up.child.pid), "-f", "/programs/"])
    const pids = services.stdout.toString().trim().split("\n")
    expect(pids).toHaveLength(3)
    up.child.kill("SIGKILL")
    await up.child.exited
    await connection.closed()
    const whileAny = `while kill -0 ${pids.join(" || kill -0 ")}; do sleep 0.1; done`
    await Bun.spawn(["/bin/sh", "-c", whileAny], { stderr: "ignore" }).exited
  },
  UP_WAIT_MILLIS,
)
