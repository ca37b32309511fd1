// Writes the JSON Schema of the drift configuration for editors: `bun core/drift/write-schema.ts`.
// A test says when it is no longer what the reader accepts.
import { join } from "node:path"
import { driftConfigSchema } from "./config-schema.ts"

export const SCHEMA_FILE = join(import.meta.dir, "drift.schema.json")

export const schemaText = (): string => `${JSON.stringify(driftConfigSchema(), undefined, 2)}\n`

if (import.meta.main) await Bun.write(SCHEMA_FILE, schemaText())
