// Makes the programs of the checkout ROOT in the folder TARGET. They stay part of the checkout:
// threads and child processes are started from the sources, and packages with native code are
// loaded from where they are. Where it fails, the one line that it says is why.
import { mkdtempSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { decode, encode, type SourceMapLine } from "@jridgewell/sourcemap-codec"
import { Schema } from "effect"
import { reasonOf } from "#core/service/logger"
import { SERVICES } from "./services.ts"

const NATIVE = ["onnxruntime-node"]

/** A module that asks where it is wants to know of its source. */
const whereSourcesAre = (root: string): Bun.BunPlugin => ({
  name: "where sources are",
  setup: (build) => {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text()
      const contents = path.startsWith(root)
        ? text
            .replace(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(path).href))
            .replace(/\bimport\.meta\.dir\b/g, JSON.stringify(dirname(path)))
            .replace(/\bimport\.meta\.main\b/g, "false")
        : text
      return { loader: "ts", contents }
    })
  },
})

const SourceMap = Schema.fromJsonString(
  Schema.Struct({
    version: Schema.Int,
    sources: Schema.Array(Schema.String),
    sourcesContent: Schema.Array(Schema.String),
    mappings: Schema.String,
    names: Schema.Array(Schema.String),
  }),
)
const decodeMap = Schema.decodeUnknownSync(SourceMap)

/** Of what a line came from, the places at which another line of a source begins. */
const whereLinesBegin = (segments: SourceMapLine): SourceMapLine =>
  segments.filter((segment, at) => {
    const before = segments[at - 1] ?? []
    return segment[1] !== before[1] || segment[2] !== before[2]
  })

/**
 * The stack of an error names lines of the sources. That needs neither their texts nor the columns,
 * and the map is read into memory with the first error: 12 MB where both are in it.
 */
const linesAlone = async (path: string): Promise<void> => {
  const map = decodeMap(await Bun.file(path).text())
  const mappings = encode(decode(map.mappings).map(whereLinesBegin))
  const sourcesContent = map.sources.map(() => "")
  await Bun.write(path, JSON.stringify({ ...map, names: [], sourcesContent, mappings }))
}

/** One line: what is wrong first, and in a source where. */
const inOneLine = (cause: unknown): string => {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  const position = first instanceof BuildMessage ? first.position : null
  return reasonOf(first) + (position === null ? "" : ` at ${position.file}:${position.line}`)
}

const makeAll = async (root: string, made: string): Promise<void> => {
  for (const service of SERVICES) {
    await Bun.build({
      entrypoints: [join(root, service, "main.ts")],
      target: "bun",
      outdir: made,
      naming: `${service}.js`,
      sourcemap: "linked",
      external: NATIVE,
      plugins: [whereSourcesAre(root)],
    })
    await linesAlone(join(made, `${service}.js.map`))
  }
}

const make = async (root: string, target: string): Promise<void> => {
  mkdirSync(dirname(target), { recursive: true })
  const made = mkdtempSync(join(dirname(target), `${basename(target)}-`))
  try {
    await makeAll(root, made)
    // In one step, so that nobody ever starts half of them; who else made them was as good.
    renameSync(made, target)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

const [root = "", target = ""] = process.argv.slice(2)
await make(root, target).catch((cause: unknown) => {
  console.error(inOneLine(cause))
  process.exitCode = 1
})
