// Writes what is generated from the definitions: docs/contracts.md and the JSON Schemas. A test
// compares what is committed with what would be written.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Schema } from "effect"
import { contractPage, fileOf, recordSection } from "./contract-page.ts"
import {
  accessRecord,
  deadLetterRecord,
  predictionRecord,
  qualityRecord,
  releaseRecord,
  requestRecord,
} from "./golden-examples.ts"
import { outcomeRecord } from "./golden-outcomes.ts"
import { schemaDocument } from "./json-schema.ts"
import { DeclaredSignature, Signature } from "./signature.ts"

const root = join(import.meta.dir, "..")

const schemas: Readonly<Record<string, Schema.Constraint>> = {
  [requestRecord.name]: requestRecord.schema,
  [predictionRecord.name]: predictionRecord.schema,
  [outcomeRecord.name]: outcomeRecord.schema,
  [deadLetterRecord.name]: deadLetterRecord.schema,
  [releaseRecord.name]: releaseRecord.schema,
  [accessRecord.name]: accessRecord.schema,
  [qualityRecord.name]: qualityRecord.schema,
  "declared signature": DeclaredSignature,
  signature: Signature,
}

const OUTCOME_PLACE =
  "The body of an outcome message, by whoever knows what came true: " +
  "publish it to the outcome subject of the model and the id. " +
  "Readers check it, and take it without its format too; a further message corrects it."

/** Text of each generated file by its path in the repository. */
export const generated = (): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const [name, schema] of Object.entries(schemas))
    files.set(
      `proto/schema/${fileOf(name)}.json`,
      `${JSON.stringify(schemaDocument(name, schema), null, 2)}\n`,
    )
  const page = contractPage([
    recordSection(requestRecord, "The body of a request message."),
    recordSection(predictionRecord, "The body of a fact."),
    recordSection(outcomeRecord, OUTCOME_PLACE),
    recordSection(deadLetterRecord, "The body of a dead letter."),
    recordSection(releaseRecord, "The body of a decision about versions."),
    recordSection(accessRecord, "The body of a decision about who may do what."),
    recordSection(qualityRecord, "The body of a decision about suites of expectations."),
  ])
  return files.set("docs/contracts.md", page)
}

/** The same files as the formatter leaves them, which is how they are committed. */
export const formatted = async (
  files: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-contracts-"))
  try {
    await Bun.write(join(folder, "bunfig.toml"), Bun.file(join(root, "bunfig.toml")))
    for (const [path, text] of files) await Bun.write(join(folder, path), text)
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, "fmt", ...files.keys()], {
      cwd: folder,
    })
    if (exitCode !== 0) throw new Error(`bun fmt: ${stderr.toString()}`)
    const read = async (path: string) => [path, await Bun.file(join(folder, path)).text()] as const
    return new Map(await Promise.all([...files.keys()].map(read)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main)
  for (const [path, text] of await formatted(generated())) {
    await Bun.write(join(root, path), text)
    console.log(`wrote ${path}`)
  }
