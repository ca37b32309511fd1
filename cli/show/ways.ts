// The same rows by every way into Weir: HTTP, lines of JSON, and messages of programs that know the
// written contract alone. All must be what ONNX Runtime gives.
import { delimiter } from "node:path"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText } from "../laboratory/figures.ts"
import { FLIGHTS, importFlights } from "../laboratory/flights.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Flight } from "../../examples/flights/flights.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"
import { toolFolders } from "../tests/pinned-tools.ts"
import { flights, runtimeOracle, type Oracle, type Outputs } from "./equal.ts"

const GIB = 1024 ** 3
const PYTHON = Bun.env["WEIR_PYTHON"] ?? "python3"

const flags = {
  rows: { value: "N", help: "flight rows, each by every way (default 2000)" },
} as const

const requestOf = ({ distance, hour, weekday, origin, destination }: Flight): string => {
  const tensor = (name: string, datatype: string, value: number | string) => ({
    name,
    datatype,
    shape: [1, 1],
    data: [value],
  })
  const inputs = [
    tensor("distance", "FP32", distance),
    tensor("hour", "INT64", hour),
    tensor("weekday", "INT64", weekday),
    tensor("origin", "BYTES", origin),
    tensor("destination", "BYTES", destination),
  ]
  return JSON.stringify({ inputs })
}

type Values = Readonly<Record<string, ReadonlyArray<number>>>
const outputsOf = ({ label = [], probabilities = [] }: Values): Outputs => ({
  label: label[0] ?? -1,
  // JSON writes a 32-bit float so that it reads back as the same one.
  probabilities: probabilities.map(Math.fround),
})

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "")

/** Answers of the Open Inference Protocol, one a line. */
const ofProtocol = (text: string): ReadonlyArray<Outputs> =>
  linesOf(text).map((line) => {
    // Boundary: a line of another form differs from what is expected.
    const { outputs = [] } = JSON.parse(line) as {
      readonly outputs?: ReadonlyArray<{
        readonly name: string
        readonly data: ReadonlyArray<number>
      }>
    }
    return outputsOf(Object.fromEntries(outputs.map(({ name, data }) => [name, data])))
  })

/** What the example programs print. */
const ofProgram = (text: string): ReadonlyArray<Outputs> =>
  // Boundary: as above.
  linesOf(text).map((line) =>
    outputsOf((JSON.parse(line) as { readonly outputs?: Values }).outputs ?? {}),
  )

const run = async (command: ReadonlyArray<string>, input: string): Promise<string> => {
  const paths = [...toolFolders(), process.env["PYTHONPATH"]].filter((path) => path !== undefined)
  const child = Bun.spawn([...command], {
    env: { ...process.env, PYTHONPATH: paths.join(delimiter) },
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  })
  const said = new Response(child.stderr).text()
  const output = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${await said}`)
  return output
}

const post = async (url: string, type: string, body: string): Promise<string> => {
  const headers = { "content-type": type }
  const path = `${url}/v2/models/${FLIGHTS}/infer`
  return (await fetch(path, { method: "POST", headers, body })).text()
}

const oneByOne = async (url: string, requests: ReadonlyArray<string>): Promise<string> => {
  const answers: Array<string> = []
  for (const body of requests) answers.push(await post(url, "application/json", body))
  return answers.join("\n")
}

const hasPython = async (): Promise<boolean> =>
  run([PYTHON, "-c", "import nats, msgpack"], "").then(
    () => true,
    () => false,
  )

/** Ways into the log, those of Python counted. */
const WAYS = 6
const PYTHON_WAYS = ["NATS in JSON, Python", "NATS in MessagePack, Python"] as const

type Way = readonly [name: string, ask: () => Promise<ReadonlyArray<Outputs>>]

const waysInto = async (laboratory: Laboratory, requests: ReadonlyArray<string>) => {
  const url = laboratory.urls[0] ?? ""
  const server = laboratory.broker.servers
  const lines = requests.join("\n")
  const clients = inProject("examples", "clients")
  const program = (form: string) => async () =>
    ofProgram(
      await run(
        [process.execPath, `${clients}/typescript/nats-client.ts`, server, FLIGHTS, form],
        lines,
      ),
    )
  const python = (form: string) => async () => {
    const words = ["--url", server, "--model", FLIGHTS, "--form", form]
    return ofProgram(await run([PYTHON, `${clients}/python/nats_client.py`, ...words], lines))
  }
  const ways: ReadonlyArray<Way> = [
    ["HTTP, one by one", async () => ofProtocol(await oneByOne(url, requests))],
    ["HTTP, as lines", async () => ofProtocol(await post(url, "application/x-ndjson", lines))],
    ["NATS in JSON, TypeScript", program("json")],
    ["NATS in MessagePack, TypeScript", program("msgpack")],
  ]
  if (!(await hasPython())) return ways
  return [
    ...ways,
    [PYTHON_WAYS[0], python("json")],
    [PYTHON_WAYS[1], python("msgpack")],
  ] satisfies ReadonlyArray<Way>
}

export interface WaysResult {
  readonly equal: ReadonlyArray<readonly [way: string, rows: number]>
  readonly facts: number
  readonly twice: number
  readonly broken: ReadonlyArray<string>
}

/** Asks about each row by every way; `oracle` says what is right. */
export const runWays = async (rows: number, oracle: Oracle): Promise<WaysResult> => {
  const asked = await flights(rows)
  const wanted: Array<string> = []
  for (const flight of asked) wanted.push(JSON.stringify(await oracle(flight)))
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const ways = await waysInto(laboratory, asked.map(requestOf))
    const equal: Array<readonly [string, number]> = []
    for (const [name, ask] of ways) {
      const told = await ask()
      const same = told.filter((one, index) => JSON.stringify(one) === wanted[index])
      equal.push([name, same.length])
    }
    await emptiedQueue(laboratory.log)
    const hot = await readHotLog(laboratory.log)
    const broken = [
      ...equal.flatMap(([name, count]) => expected(count, rows, `answers of ${name} are equal`)),
      ...expected(hot.order.length, rows * ways.length, "facts"),
      ...expected(hot.twice, 0, "ids with two facts"),
    ]
    return { equal, facts: hot.order.length, twice: hot.twice, broken }
  } finally {
    await laboratory.stop()
  }
}

/** Belongs to the verdict, which would otherwise promise more than was looked at. */
export const leftOut = (ways: number): string =>
  ways === WAYS
    ? ""
    : ` by ${ways} of ${WAYS} ways; left out: ${PYTHON_WAYS.join(" and ")}, since Python has no ` +
      "nats-py and msgpack here"

export const show: Show = {
  summary: "Real flights by HTTP, lines of JSON and NATS in two languages: what ONNX Runtime gives",
  usage: `Usage: ./weir show ways [flags]

Real flight rows are asked about over HTTP one by one and as lines of one body, and by the example
clients over NATS in JSON and MessagePack. Every answer must be what ONNX Runtime gives for that row
in this process, and each request must have one fact. Python takes part where it has nats-py and
msgpack ("./weir test --with-tools" gets them).

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const rows = wholeNumber("rows", set.rows, { least: 1, most: 20_000, otherwise: 2_000 })
    const { equal, facts, twice, broken } = await runWays(rows, await runtimeOracle())
    const figures = [
      ...equal.map(([name, count]) => [`equal: ${name}`, `${count} of ${rows}`] as const),
      ["facts in the hot log; ids with two", `${facts}; ${twice}`] as const,
    ]
    console.log(`${figuresText(figures, broken)}${leftOut(equal.length)}`)
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
