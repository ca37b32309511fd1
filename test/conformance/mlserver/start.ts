// For tests of this folder: MLServer, from the environment that the bench has made for it, with the
// same models.
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../../../cli/port.ts"
import { inProject } from "../../../cli/project.ts"
import { startChild } from "../../../cli/up/child.ts"
import { FLIGHTS_MODEL } from "../../support/system.ts"
import { writeModels } from "../whole-system.ts"

const LOOPBACK = "127.0.0.1"
const READY_WAIT_MILLIS = 90_000
const STOP_WAIT_MILLIS = 20_000
const LOOK_AGAIN_MILLIS = 200
const DIGEST_CHARACTERS = 8

/** Where `./weir bench` has put MLServer; undefined where it has not. */
export const findMlserver = (): string | undefined => {
  const requirements = inProject("bench", "peers", "mlserver", "requirements.txt")
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(requirements)).digest("hex")
  const stem = `venv-mlserver-${digest.slice(0, DIGEST_CHARACTERS)}`
  const bin = inProject(".weir", "bench", stem, "bin")
  return existsSync(join(bin, "mlserver")) ? bin : undefined
}

const untilReady = async (url: string, over: () => boolean): Promise<boolean> => {
  const deadline = performance.now() + READY_WAIT_MILLIS
  while (!over() && performance.now() < deadline) {
    const answer = await fetch(`${url}/v2/health/ready`).catch(() => undefined)
    if (answer?.ok === true) return true
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  return false
}

/** Throws with its last lines when it does not get ready. */
export const startMlserver = async (bin: string) => {
  const { folder, files, remove } = await writeModels()
  const port = freePort(LOOPBACK)
  const settings = {
    host: LOOPBACK,
    http_port: port,
    grpc_port: freePort(LOOPBACK),
    metrics_port: freePort(LOOPBACK),
    parallel_workers: 0,
    debug: false,
  }
  await Bun.write(join(folder, "settings.json"), JSON.stringify(settings))
  for (const [name, uri] of [...files, ["flights", FLIGHTS_MODEL] as const]) {
    const own = join(folder, name)
    mkdirSync(own)
    const parameters = { uri, version: "1" }
    const model = { name, implementation: "onnx_runtime.Onnx", parameters }
    await Bun.write(join(own, "model-settings.json"), JSON.stringify(model))
  }
  const lines: Array<string> = []
  const child = startChild({
    command: [join(bin, "mlserver"), "start", folder],
    environment: {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      PYTHONPATH: import.meta.dir,
      PYTHONDONTWRITEBYTECODE: "1",
    },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: (line) => void lines.push(line),
  })
  const state = { over: false }
  void child.exited.then(() => (state.over = true))
  const stop = async () => {
    await child.stop()
    remove()
  }
  const url = `http://${LOOPBACK}:${port}`
  if (await untilReady(url, () => state.over)) return { url, stop, lines }
  await stop()
  throw new Error(`MLServer did not get ready: ${lines.slice(-8).join(" / ")}`)
}
