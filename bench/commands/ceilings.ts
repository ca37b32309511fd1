// `bench ceilings`: what each piece does alone, so that the cost of durability is visible beside
// what nothing can beat: HTTP, the model, a message there and back, one write and two.
import { openLog, closeLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import { startEmbeddedServer } from "#core/log/embedded-server"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { openSession } from "#core/inference/session"
import { EXPECTED_LAST_SUBJECT_SEQUENCE } from "#proto/headers"
import { timeOrderedId } from "#proto/ids"
import { predictionSubject, requestSubject } from "#proto/subjects"
import type { Bench, BenchOptions } from "../bench-command.ts"
import { hold, holdFolder } from "../clean-ups.ts"
import type { Caller } from "../load/caller.ts"
import { Histogram, type Latency } from "../load/histogram.ts"
import { closedLoop } from "../load/loops.ts"
import { measureCell, type Cell } from "../measure/cell.ts"
import { whole } from "../report/markdown.ts"
import { inProject } from "../../cli/project.ts"
import { base64, dataBody, IRIS, IRIS_FILE, irisQuestions, queueForms } from "../systems/iris.ts"
import { startOwn } from "../systems/own-process.ts"

const SECONDS = 4
const WARM_UP_SECONDS = 1
const CALLERS = [1, 32, 128] as const
const REQUESTS_MAX = 10_000_000
const GIB = 1_024 ** 3
const SUBJECT = "bench.echo"
/** About the size of a fact of one row: request, outputs, batch, times. */
const FACT_BYTES = 350

const newId = () => timeOrderedId(Date.now(), crypto.getRandomValues(new Uint8Array(10)))

const http = async (name: string, file: string, options: BenchOptions) => {
  const server = await startOwn(inProject("bench", "load", file))
  try {
    const bodies = (await irisQuestions(1)).map((question) => base64(dataBody(question)))
    const cells: Array<Cell> = []
    for (const callers of CALLERS) {
      const { cell } = await measureCell({
        subject: { name, parts: () => [{ name, pids: [server.pid] }] },
        rowsPerRequest: 1,
        form: "HTTP, JSON",
        plan: {
          target: { kind: "http", url: server.said, bodies },
          loop: { kind: "closed", callers },
          warmUpSeconds: options.warmUpSeconds ?? WARM_UP_SECONDS,
          seconds: options.seconds ?? SECONDS,
        },
      })
      cells.push(cell)
    }
    return cells
  } finally {
    await server.stop()
  }
}

const cellOf =
  (system: string, form: string, load: string, rows: number, seconds: number) =>
  (latency: Latency, errors: Readonly<Record<string, number>>): Cell => ({
    system,
    isWeir: false,
    load,
    rowsPerRequest: rows,
    form,
    seconds,
    answered: latency.count,
    perSecond: latency.count / seconds,
    rowsPerSecond: (latency.count * rows) / seconds,
    errors,
    latency,
    latenessP99: 0,
    generatorCpuMicrosPerRequest: 0,
    processes: [],
  })

/** A loop in this very process, for what has no server of its own to be asked. */
const inProcess = async (
  name: string,
  send: Caller["send"],
  callers: number,
  options: BenchOptions,
): Promise<Cell> => {
  const caller = { send, close: async () => undefined }
  const now = () => performance.now()
  const loop = { caller, callers, now }
  const warm = options.warmUpSeconds ?? WARM_UP_SECONDS
  await closedLoop({ ...loop, seconds: warm, record: () => undefined })
  const histogram = new Histogram()
  const errors = new Map<string, number>()
  const began = now()
  await closedLoop({
    ...loop,
    seconds: options.seconds ?? SECONDS,
    record: ({ error, latencyMillis }) => {
      if (error === undefined) histogram.record(latencyMillis)
      else errors.set(error, (errors.get(error) ?? 0) + 1)
    },
  })
  const seconds = (now() - began) / 1_000
  const make = cellOf(name, "in this process", `c=${callers}`, 1, seconds)
  return make(histogram.latency(), Object.fromEntries(errors))
}

const runtime = async (options: BenchOptions): Promise<ReadonlyArray<Cell>> => {
  const session = await openSession(await Bun.file(IRIS_FILE).bytes(), () => performance.now())
  const cells: Array<Cell> = []
  for (const rows of [1, 32]) {
    const inputs = (await irisQuestions(rows)).map((question) => [
      {
        name: "X",
        datatype: "FP32",
        shape: [rows, 4],
        data: new Uint8Array(Float32Array.from(question.rows.flat()).buffer),
      } as const,
    ])
    const send: Caller["send"] = (index, ended) =>
      void session.run(inputs[index % inputs.length] ?? []).then(
        () => ended(undefined),
        (cause: unknown) => ended(String(cause)),
      )
    const cell = await inProcess("ONNX Runtime alone", send, 1, options)
    cells.push({ ...cell, rowsPerRequest: rows, rowsPerSecond: cell.perSecond * rows })
  }
  await session.release()
  return cells
}

const requestReply = async (log: Log, url: string, options: BenchOptions) => {
  const file = inProject("bench", "load", "responder.ts")
  const responder = await startOwn(file, { NATS_URL: url, BENCH_SUBJECT: SUBJECT })
  const inbox = `_INBOX.${newId()}`
  const waiting = new Map<string, (error: string | undefined) => void>()
  log.connection.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      const token = message.subject.slice(inbox.length + 1)
      const ended = waiting.get(token)
      waiting.delete(token)
      ended?.(undefined)
    },
  })
  const [question] = await irisQuestions(1)
  if (question === undefined) throw new Error("there are no questions")
  const body = queueForms[1].body(question)
  let next = 0
  const send: Caller["send"] = (_, ended) => {
    const token = String(next++)
    waiting.set(token, ended)
    log.connection.publish(SUBJECT, body, { reply: `${inbox}.${token}` })
  }
  const cells: Array<Cell> = []
  for (const callers of CALLERS)
    cells.push(await inProcess("core NATS, request and reply", send, callers, options))
  await responder.stop()
  return cells
}

/** As a request and its fact are written, by the same code, with nothing between. */
const writes = async (log: Log, options: BenchOptions): Promise<ReadonlyArray<Cell>> => {
  const [question] = await irisQuestions(1)
  if (question === undefined) throw new Error("there are no questions")
  const request = queueForms[1].body(question)
  const fact = new Uint8Array(FACT_BYTES)
  const { publisher } = log
  const first = (id: string) => publisher.publish(requestSubject(IRIS, id), request)
  const second = (id: string) =>
    publisher.publish(predictionSubject(IRIS, id), fact, [[EXPECTED_LAST_SUBJECT_SEQUENCE, "0"]])
  const one: Caller["send"] = (_, ended) =>
    void first(newId()).then(({ kind }) => ended(kind === "stored" ? undefined : kind))
  const two: Caller["send"] = (_, ended) => {
    const id = newId()
    void first(id)
      .then((published) => (published.kind === "stored" ? second(id) : published))
      .then(({ kind }) => ended(kind === "stored" ? undefined : kind))
  }
  const cells: Array<Cell> = []
  for (const callers of CALLERS)
    cells.push(await inProcess("one JetStream write", one, callers, options))
  for (const callers of CALLERS)
    cells.push(await inProcess("two JetStream writes in series", two, callers, options))
  return cells
}

const onLog = async (options: BenchOptions): Promise<ReadonlyArray<Cell>> => {
  const { made: directory, undo: remove } = holdFolder("weir-ceilings-")
  const { made, undo: stop } = hold(
    () => startEmbeddedServer({ directory }),
    async (starting) => (await starting).stop(),
  )
  const server = await made
  try {
    const log = await openLog({ servers: server.url, name: "weir-bench-ceilings" })
    // Nothing empties the queue here.
    const limits = { requestsMessagesMax: REQUESTS_MAX, requestsBytesMax: 4 * GIB }
    await provision(log.manager, { ...DEFAULT_LIMITS, ...limits })
    const cells = [
      ...(await requestReply(log, server.url, options)),
      ...(await writes(log, options)),
    ]
    await closeLog(log)
    return cells
  } finally {
    await stop()
    await remove()
  }
}

export const ceilings: Bench = {
  name: "ceilings",
  summary: "HTTP alone, the model alone, NATS alone, one write and two",
  run: async (options) => {
    const cells = [
      ...(await http("load generator on an echo", "echo.ts", options)),
      ...(await http("Elysia alone", "elysia-alone.ts", options)),
      ...(await runtime(options)),
      ...(await onLog(options)),
    ]
    const shown = cells.filter(({ load }) => load !== "c=128")
    return {
      name: "ceilings",
      title: "What each piece does alone",
      cells,
      tables: [],
      marks: [],
      notes: ["`bench saturation` in the same hour gives the whole beside them."],
      chart: {
        kind: "bars",
        title: "A second, 1 and 32 at a time",
        bars: shown.map((cell) => ({
          name: `${cell.system}, ${cell.rowsPerRequest} × ${cell.load}`,
          value: cell.perSecond,
          text: `${whole(cell.perSecond)}/s`,
        })),
      },
    }
  },
}
