// The package as it is published, in Bun, in Node and in a browser, against a real Weir.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testWithTool } from "../test/support/tools.ts"
import { buildDeclarations, buildJavaScript, ownCompiler } from "./build.ts"
import { type ClientSystem, START_MILLIS, startClientSystem } from "./test-system.ts"
import { everyWay } from "./test-every-way.ts"

const BROWSER_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

let system: ClientSystem
let folder: string
let expected: Awaited<ReturnType<typeof everyWay>>

const PAGE = `<!doctype html><meta charset="utf-8"><title>client</title>
<script type="importmap">
  { "imports": { "weir-client": "/node_modules/weir-client/dist/client.js" } }
</script>
<script type="module">
  const said = await import("/test-every-way.js")
    .then(({ everyWay }) => everyWay(new URLSearchParams(location.search).get("weir"), "none"))
    .catch((error) => ({ error: String(error && error.stack || error) }))
  await fetch("/said", { method: "POST", body: JSON.stringify(said) })
</script>`

beforeAll(async () => {
  system = await startClientSystem({ WEIR_CORS_ORIGINS: "*" })
  folder = mkdtempSync(join(tmpdir(), "weir-client-"))
  const installed = join(folder, "node_modules", "weir-client")
  mkdirSync(installed, { recursive: true })
  cpSync(join(import.meta.dir, "package.json"), join(installed, "package.json"))
  await buildJavaScript(join(installed, "dist"))
  // The same steps, importing the package by its name.
  await Bun.build({
    entrypoints: [join(import.meta.dir, "test-every-way.ts")],
    outdir: folder,
    format: "esm",
    plugins: [
      {
        name: "by name",
        setup: (build) => {
          const byName = { path: "weir-client", external: true }
          build.onResolve({ filter: /\/client\.ts$/ }, () => byName)
        },
      },
    ],
  })
  await Bun.write(
    join(folder, "run.mjs"),
    'import { everyWay } from "./test-every-way.js"\n' +
      "console.log(JSON.stringify(await everyWay(process.argv[2], 'none')))\n",
  )
  await Bun.write(join(folder, "page.html"), PAGE)
  expected = await everyWay(system.url, "none")
}, START_MILLIS)
afterAll(async () => {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, START_MILLIS)

const run = async (program: string): Promise<unknown> => {
  const child = Bun.spawn([program, join(folder, "run.mjs"), system.url], {
    stdout: "pipe",
    stderr: "pipe",
  })
  const read = (from: ReadableStream<Uint8Array>) => new Response(from).text()
  const [said, errors] = await Promise.all([read(child.stdout), read(child.stderr)])
  expect([await child.exited, errors]).toEqual([0, ""])
  return JSON.parse(said)
}

test("every way works from the sources", () => {
  expect(expected).toEqual({
    live: true,
    ready: [true, true],
    nobody: false,
    extensions: true,
    inputs: [
      ["distance", "FP32", [-1, 1]],
      ["hour", "INT64", [-1, 1]],
      ["weekday", "INT64", [-1, 1]],
      ["origin", "BYTES", [-1, 1]],
      ["destination", "BYTES", [-1, 1]],
    ],
    versions: ["1"],
    batches: true,
    statistics: ["flights", "1"],
    index: true,
    ...Object.fromEntries(
      ["json", "binary"].flatMap((form) => [
        [
          `integers ${form}`,
          ["9223372036854775807n", "-9223372036854775808n", "9007199254740993n"],
        ],
        [`texts ${form}`, ["a", "ä€😀", ""]],
        [`halves ${form}`, [0.5, 1, -2]],
      ]),
    ),
    batched: Array.from({ length: 10 }, (_, at) => [10, at, at, at]),
    later: [
      "mine",
      true,
      "answered",
      "9223372036854775807n",
      "-9223372036854775808n",
      "9007199254740993n",
    ],
    feed: ["prediction", "prediction"],
    refused: [
      [404, "unknown_model"],
      [400, "invalid_request"],
      [0, "aborted"],
    ],
  })
})

/** The programs of the README, and what it says that they say. */
const examples = (text: string): ReadonlyArray<readonly [program: string, said: string]> =>
  [...text.matchAll(/```ts\n(.*?)```\s+```text\n(.*?)```/gs)].map(([, program = "", said = ""]) => [
    program,
    said,
  ])

const runExample = async (program: string, at: number): Promise<string> => {
  const path = join(folder, `example-${at}.ts`)
  await Bun.write(path, program.replaceAll("http://127.0.0.1:8080", system.url))
  // Node's way to print: not Bun's.
  const built = await Bun.build({ entrypoints: [path], external: ["weir-client"], outdir: folder })
  const child = Bun.spawn(["node", built.outputs[0]?.path ?? ""], { stdout: "pipe" })
  return new Response(child.stdout).text()
}

testWithTool("node", "the programs of the README say what it says", async () => {
  const found = examples(await Bun.file(join(import.meta.dir, "README.md")).text())
  expect(found.length).toBeGreaterThan(5)
  for (const [at, [program, said]] of found.entries())
    expect(await runExample(program, at)).toBe(said)
})

test("and from the built package in Bun", async () => {
  expect(await run(process.execPath)).toEqual(expected)
})

testWithTool("node", "and in Node", async (node) => {
  expect(await run(node)).toEqual(expected)
})

testWithTool("chromium", "and in Chromium, from a page of another origin", async (chromium) => {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === "/said") resolve(await request.json())
      // A browser asks for an icon too.
      const file = Bun.file(join(folder, pathname))
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 })
    },
  })
  const page = `http://127.0.0.1:${server.port ?? 0}/page.html?weir=${system.url}`
  const profile = join(folder, "profile")
  const words = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`]
  const child = Bun.spawn([chromium, ...words, page], {
    stdout: "ignore",
    stderr: "ignore",
    timeout: BROWSER_MILLIS,
  })
  const ended = child.exited.then((code) => `chromium ended with ${code}`)
  try {
    expect(await Promise.race([promise, ended])).toEqual(expected)
  } finally {
    child.kill()
    await child.exited
    await server.stop(true)
  }
})

const checked = async (compiler: string) => {
  const dist = join(folder, "node_modules", "weir-client", "dist")
  await buildDeclarations(dist, compiler)
  const program = (datatype: string) => `
    import { InferenceClient, output, tensor } from "weir-client"
    const client = new InferenceClient({ url: "http://127.0.0.1:1" })
    export const ask = async (): Promise<bigint> => {
      const inputs = [tensor("x", "FP32", [1], [1])]
      const y = output(await client.infer("m", { inputs }), "y")
      return y.datatype === "${datatype}" ? y.data[0]! : 0n
    }`
  const check = async (datatype: string): Promise<number> => {
    await Bun.write(join(folder, "program.ts"), program(datatype))
    const words = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", ""]
    const target = ["--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"]
    const child = Bun.spawn([compiler, ...words, ...target, "program.ts"], { cwd: folder })
    return child.exited
  }
  expect([await check("INT64"), (await check("FP32")) > 0]).toEqual([0, true])
}

const CHECKED = "a program is checked against its declarations"
const own = ownCompiler()
if (own === undefined) testWithTool("tsc", CHECKED, checked)
else test(CHECKED, () => checked(own))
