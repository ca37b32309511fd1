// Runs one peer: its process group, with a nats-server of its own where it logs, ready when it
// answers.
import { join } from "node:path"
import { startEmbeddedServer } from "#core/log/embedded-server"
import { freePort } from "../../cli/port.ts"
import { startChild } from "../../cli/up/child.ts"
import { hold, holdFolder } from "../clean-ups.ts"
import type { HttpTarget } from "../load/plan.ts"
import type { Subject } from "../measure/cell.ts"
import { base64, IRIS_FILE, irisQuestions } from "../systems/iris.ts"
import { checkAnswers } from "../systems/check-answers.ts"
import type { Peer } from "./peer.ts"

const LOOPBACK = "127.0.0.1"
/** Ray takes half a minute on a busy machine. */
const READY_WAIT_MILLIS = 120_000
const LOOK_AGAIN_MILLIS = 100
const STOP_WAIT_MILLIS = 20_000
const LINES_SHOWN_MAX = 8

export interface RunningPeer extends Subject {
  readonly target: (rowsEach: number) => Promise<HttpTarget>
  /** Throws at the first wrong answer. */
  readonly check: (rowsEach: number) => Promise<number>
  readonly stop: () => Promise<void>
}

/** Ready pages can be early: only an answer proves that it answers. */
const untilReady = async (url: string, body: string, over: () => boolean): Promise<boolean> => {
  const deadline = performance.now() + READY_WAIT_MILLIS
  while (!over() && performance.now() < deadline) {
    const headers = { "Content-Type": "application/json" }
    const answer = await fetch(url, { method: "POST", headers, body }).catch(() => undefined)
    if (answer?.ok === true) return true
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  return false
}

/** Throws with its last lines when it does not get ready. */
export const startPeer = async (peer: Peer, bin: string): Promise<RunningPeer> => {
  const { made: folder, undo: remove } = holdFolder("weir-peer-")
  const port = freePort(LOOPBACK)
  const { jetStream: sync } = peer
  const broker =
    sync === undefined
      ? undefined
      : hold(
          () => startEmbeddedServer({ directory: join(folder, "nats"), sync }),
          async (starting) => (await starting).stop(),
        )
  const server = await broker?.made
  const source = join(import.meta.dir, peer.source)
  const natsUrl = server?.url
  const start = await peer.start({ port, folder, source, bin, model: IRIS_FILE, natsUrl })
  const lines: Array<string> = []
  const spec = {
    command: start.command,
    environment: { ...start.environment, PYTHONDONTWRITEBYTECODE: "1", PATH: pathWith(bin) },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: (line: string) => {
      lines.push(line)
      if (lines.length > LINES_SHOWN_MAX) lines.shift()
    },
  }
  const { made: child, undo: end } = hold(
    () => startChild(spec),
    (running) => running.stop(),
  )
  const state = { over: false }
  void child.exited.then(() => (state.over = true))
  const stop = async () => {
    await end()
    await broker?.undo()
    await remove()
  }
  const url = `http://${LOOPBACK}:${port}`
  const [question] = await irisQuestions(1)
  const body = question === undefined ? "" : peer.body(question)
  if (!(await untilReady(`${url}${peer.path}`, body, () => state.over))) {
    await stop()
    throw new Error(`it did not get ready: ${lines.join(" / ")}`)
  }
  const target = async (rowsEach: number): Promise<HttpTarget> => ({
    kind: "http",
    url: `${url}${peer.path}`,
    bodies: (await irisQuestions(rowsEach)).map((question) => base64(peer.body(question))),
  })
  return {
    name: peer.title,
    parts: () => [
      { name: "server", pids: [child.pid] },
      ...(server === undefined ? [] : [{ name: "nats-server", pids: [server.pid] }]),
    ],
    target,
    check: async (rowsEach) =>
      checkAnswers(peer.title, await target(rowsEach), await irisQuestions(rowsEach), peer.read),
    stop,
  }
}

/** Their own programs first: they start one another by name. */
const pathWith = (bin: string): string => `${bin}:${process.env["PATH"] ?? ""}`
