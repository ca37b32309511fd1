// `weir predict`, `tail`, `models` and `streams` as processes on a whole system, and completion.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { until } from "../../test/support/eventually.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../../test/support/system.ts"
import { inProject } from "../project.ts"
import { weirWith } from "../test-command.ts"

setDefaultTimeout(60_000)
const EMBEDDING = inProject("core", "inference", "golden", "int64-embedding-mean.onnx")
const FLIGHTS_CSV = inProject("examples", "flights", "flights.csv")
const ROWS = 300

const system = await startSystem()
afterAll(() => system.stop())
await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
await system.predictor()
const gateway = await system.gateway()
const environment = { NATS_URL: system.nats.url, WEIR_URL: gateway.url }
const weir = weirWith(environment)

const lines = (text: string) => text.split("\n").filter((line) => line !== "")
const flight = { distance: 1_750, hour: 0, weekday: 0, origin: "DTW", destination: "LAS" }

test("a row of JSON is answered as a table for people and as JSON for programs", async () => {
  const { code, printed } = await weir("predict", "flights", "--data", JSON.stringify(flight))
  expect(code).toBe(0)
  const [head, row] = lines(printed)
  expect(head).toMatch(/^ROW +INPUT +PREDICTION +PROBABILITIES +VERSION +ID$/u)
  expect(row).toMatch(/^ +1 .* [01] +0\.\d{4} 0\.\d{4} +1 +[0-9a-v]{26}$/u)
  const data = JSON.stringify([Object.values(flight), flight])
  const json = await weir("predict", "flights", "--data", data, "--json")
  const rows = lines(json.printed).map((line) => JSON.parse(line))
  expect(rows.map((one) => one.row)).toEqual([1, 2])
  expect(rows[0].probabilities).toEqual(rows[1].probabilities)
  expect(rows[0].position).toBeGreaterThan(0)
})

test("a table is answered in the order of its rows, without its other columns", async () => {
  const csv = join(system.nats.directory, "rows.csv")
  const all = (await Bun.file(FLIGHTS_CSV).text()).split("\n")
  await Bun.write(csv, all.slice(0, ROWS + 1).join("\n"))
  const words = ["predict", "flights", "--csv", csv, "--json", "--concurrency", "32"]
  const one = await weir(...words)
  expect({ code: one.code, said: one.said }).toEqual({ code: 0, said: "" })
  const rows = lines(one.printed).map((line) => JSON.parse(line))
  expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, at) => at + 1))
  expect(new Set(rows.map(({ id }) => id)).size).toBe(ROWS)
  expect(rows[0].input).toEqual(flight)
  const batched = lines((await weir(...words, "--batch", "50")).printed).map((l) => JSON.parse(l))
  expect(new Set(batched.map(({ id }) => id)).size).toBe(ROWS / 50)
  expect(batched.map(({ prediction }) => prediction)).toEqual(
    rows.map(({ prediction }) => prediction),
  )
})

test("a row that fails has its error, the others their answers; the exit code is 1", async () => {
  const file = join(system.nats.directory, "rows.ndjson")
  const bad = { ...flight, distance: "far" }
  await Bun.write(file, [flight, bad, flight].map((one) => JSON.stringify(one)).join("\n"))
  const { code, printed } = await weir("predict", "flights", "--ndjson", file, "--json")
  expect(code).toBe(1)
  const rows = lines(printed).map((line) => JSON.parse(line))
  expect(rows.map(({ status }) => status)).toEqual([200, 400, 200])
  expect(rows[1].error).toContain('distance: expected a finite number, got "far"')
})

test("a line that is no JSON is named, and the others are answered", async () => {
  const file = join(system.nats.directory, "broken.ndjson")
  const bad = JSON.stringify({ ...flight, hour: "late" })
  const text = JSON.stringify(flight)
  await Bun.write(file, [text, "{broken", "", text, bad, "]", text].join("\n"))
  const { code, printed, said } = await weir("predict", "flights", "--ndjson", file, "--json")
  expect(code).toBe(1)
  const rows = lines(printed).map((line) => JSON.parse(line))
  expect(rows.map(({ status }) => status)).toEqual([200, 200, 400, 200])
  const named = [...said.matchAll(/line (\d+): (no JSON|hour)?/g)].map(([, line]) => Number(line))
  expect(named).toEqual([2, 6, 5])
  await Bun.write(file, "{broken\n")
  expect((await weir("predict", "flights", "--ndjson", file)).code).toBe(1)
})

test("predict names what is missing, wrong or out of reach", async () => {
  const said = async (...words: ReadonlyArray<string>) => {
    const ran = await weir("predict", ...words)
    return `${ran.code} ${ran.said}`
  }
  expect(await said("flights")).toContain("2 weir predict: give one of --data, --csv and --ndjson")
  expect(await said("--data", "{}")).toContain("2 weir predict: which model?")
  expect(await said("flights", "--csv", "/no/such.csv")).toContain("2 weir predict: --csv /no/such")
  expect(await said("flights", "--data", "{")).toContain("2 weir predict: --data: no JSON")
  const nobody = await said("flights", "--data", "{}", "--url", "http://127.0.0.1:1")
  expect(nobody).toContain("1 weir: no gateway answers at http://127.0.0.1:1")
})

test("tail shows the newest facts, or those from a position or a time on", async () => {
  const all = lines((await weir("tail", "--from", "1", "--json")).printed).map((l) => JSON.parse(l))
  expect(all.map(({ position }) => position)).toEqual(all.map((_, at) => at + 1))
  const last = lines((await weir("tail", "flights", "--last", "3")).printed)
  expect(last.length).toBe(4)
  expect(last.at(-1)).toContain(all.at(-1).id)
  const from = lines((await weir("tail", "--from", "5", "--json")).printed)
  expect(from.map((line) => JSON.parse(line))).toEqual(all.slice(4))
  const hour = lines((await weir("tail", "--from", "1h", "--json")).printed)
  expect(hour.length).toBe(all.length)
  const later = await weir("tail", "--from", "2999-01-01", "--json")
  expect(later).toEqual({ code: 0, printed: "", said: "" })
  const unknown = await weir("tail", "nobody", "--json")
  expect([unknown.code, unknown.printed]).toEqual([1, ""])
  expect(unknown.said).toContain('model "nobody" is unknown')
  expect((await weir("tail", "--from", "yesterday")).code).toBe(2)
})

test("tail --follow goes on with what comes, and ends well when it is told to", async () => {
  const child = Bun.spawn([process.execPath, inProject("cli", "main.ts"), "tail", "--follow"], {
    env: { ...process.env, ...environment },
    stdout: "pipe",
  })
  let text = ""
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const part of child.stdout) text += decoder.decode(part, { stream: true })
  })()
  await until("it has shown the past", () => lines(text).length > 20)
  const { printed } = await weir("predict", "flights", "--data", JSON.stringify(flight), "--json")
  const { id } = JSON.parse(printed)
  await until("it shows what came", () => text.includes(id))
  child.kill("SIGINT")
  expect(await child.exited).toBe(0)
  await reading
})

test("tail --follow ends well when its reader has gone, though nothing comes", async () => {
  const command = '("$0" "$1" tail flights --follow --last 1; echo "ended $?" >&2) | head -1'
  const words = ["sh", "-c", command, process.execPath, inProject("cli", "main.ts")]
  const shell = Bun.spawn(words, {
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [printed, said] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
  ])
  expect(printed).toStartWith(" POSITION")
  expect(lines(printed).length).toBe(1)
  expect(said).toBe("ended 0\n")
})

test("models are listed, shown, promoted, unloaded and loaded, and refusals exit 1", async () => {
  await system.release("flights", "2", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
  expect((await weir("models", "list")).printed).toMatch(/^flights +2 +yes +1, 2 +2 +test$/mu)
  const promoted = await weir("models", "promote", "flights", "1", "--evidence", "a rollback")
  expect(promoted.printed).toBe("version 1 promoted (a rollback)\n")
  const shown = JSON.parse((await weir("models", "show", "flights", "--json")).printed)
  expect(shown).toMatchObject({ champion: "1", evidence: "a rollback", served: true })
  expect(shown.events.at(-1)).toMatchObject({ _tag: "Promoted", version: "1" })
  expect((await weir("models", "unload", "flights", "1")).code).toBe(0)
  expect((await weir("models", "list")).printed).toMatch(/^flights +1 +no +2 +2 +a rollback$/mu)
  expect((await weir("models", "load", "flights", "1")).printed).toBe("version 1 loaded\n")
  expect((await weir("models", "load", "flights", "1")).printed).toBe("it is so already\n")
  const refused = await weir("models", "promote", "flights", "9")
  expect(refused.code).toBe(1)
  expect(refused.said).toBe("weir: Promote of flights refused: version 9 is not registered\n")
  expect((await weir("models", "show", "nobody")).code).toBe(1)
})

test("models import takes a folder in Triton's layout and says what it refuses", async () => {
  const folder = join(system.nats.directory, "models")
  mkdirSync(join(folder, "embedding", "1"), { recursive: true })
  mkdirSync(join(folder, "broken", "1"), { recursive: true })
  await Bun.write(join(folder, "embedding", "1", "model.onnx"), Bun.file(EMBEDDING))
  await Bun.write(join(folder, "broken", "1", "model.onnx"), "no model")
  const { code, printed } = await weir("models", "import", folder)
  expect(code).toBe(1)
  expect(printed).toContain("model embedding, version 1 imported")
  expect(printed).toContain(`${join(folder, "broken", "1", "model.onnx")} is not imported`)
})

test("models import says whose configuration changed, and once", async () => {
  const folder = join(system.nats.directory, "configured")
  mkdirSync(join(folder, "tuned", "1"), { recursive: true })
  await Bun.write(join(folder, "tuned", "1", "model.onnx"), Bun.file(EMBEDDING))
  expect((await weir("models", "import", folder)).code).toBe(0)
  await Bun.write(join(folder, "tuned", "config.pbtxt"), "max_batch_size: 4")
  const changed = await weir("models", "import", folder)
  expect(changed.printed).toBe("the configuration of model tuned is changed\n")
  expect((await weir("models", "import", folder)).printed).toBe("nothing new\n")
})

test("streams has every stream, the queue, the lag and the server's memory", async () => {
  const words = ["streams", "--over", "1", "--monitor", system.nats.monitorUrl]
  const { printed } = await weir(...words)
  for (const name of ["REQUESTS", "PREDICTIONS", "HISTORY", "EVENTS", "FINDINGS", "DEAD_LETTERS"])
    expect(printed).toMatch(new RegExp(`^${name} +[\\d,]+ `, "mu"))
  const figures = JSON.parse((await weir(...words, "--json")).printed)
  expect(figures).toMatchObject({ lag: 0, gaps: [], headroomMillis: null })
  expect(figures.queue).toEqual({ pending: 0, ackPending: 0, redelivered: 0, parked: 0 })
  expect(figures.memoryBytes).toBeGreaterThan(1_000_000)
  const hot = figures.streams.find(({ name }: { name: string }) => name === "PREDICTIONS")
  expect(hot).toMatchObject({ messagesMax: 1_000_000, messagesPerSecond: 0, fullInMillis: null })
})

test("without a log a command says how to get one", async () => {
  const nowhere = weirWith({ NATS_URL: "", WEIR_DATA: join(system.nats.directory, "nothing") })
  const { code, said } = await nowhere("tail")
  expect(code).toBe(1)
  // What else it says depends on what else runs on this machine.
  expect(said).toMatch(/no log runs on \S+nothing; (start it with \.\/weir up|one runs on)/)
})

test("bash completes commands, actions and flags", async () => {
  const { printed } = await weir("completion", "bash")
  const complete = (...words: ReadonlyArray<string>) => {
    const typed = ["weir", ...words].map((word) => `'${word}'`).join(" ")
    const script = `${printed}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _weir
echo "\${COMPREPLY[@]}"`
    return Bun.spawnSync(["bash", "-c", script]).stdout.toString().trim().split(" ")
  }
  expect(complete("pred")).toEqual(["predict", "predictor"])
  expect(complete("dead", "")).toEqual(["list", "show", "retry", "drop"])
  expect(complete("tail", "--fo")).toEqual(["--follow"])
  expect(complete("help", "aud")).toEqual(["audit"])
  expect(complete("audit", "--")).toContain("--json")
  const zsh = await weir("completion", "zsh")
  expect(zsh.printed).toStartWith("#compdef weir\n")
  expect(zsh.printed).toContain("dead) _arguments")
  expect((await weir("completion", "fish")).code).toBe(2)
})
