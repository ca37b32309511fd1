// Writes the golden bytes of examples that have none yet. It never changes a file that is there:
// what was written once must be read for ever.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import {
  accessRecord,
  deadLetterRecord,
  predictionRecord,
  qualityRecord,
  releaseRecord,
  requestRecord,
  type RecordKind,
} from "./golden-examples.ts"
import { outcomeRecord } from "./golden-outcomes.ts"
import {
  driftFindingRecord,
  markRecord,
  referenceRecord,
  windowFindingRecord,
} from "./golden-findings.ts"
import { qualityFindingRecord, qualityReportRecord } from "./golden-quality.ts"

const write = async <A>(record: RecordKind<A>): Promise<void> => {
  const toJson = Schema.encodeSync(Schema.toCodecJson(record.schema))
  for (const { file, what, value } of record.examples) {
    const path = join(import.meta.dir, "golden", `${file}.json`)
    if (existsSync(path)) continue
    const hex = Buffer.from(record.codec.encode(value)).toString("hex")
    const golden = {
      record: record.name,
      format: record.format,
      what,
      value: toJson(value),
      hex,
    }
    await Bun.write(path, `${JSON.stringify(golden, null, 2)}\n`)
    console.log(`wrote ${file}.json`)
  }
}

if (import.meta.main) {
  await write(requestRecord)
  await write(predictionRecord)
  await write(deadLetterRecord)
  await write(releaseRecord)
  await write(accessRecord)
  await write(outcomeRecord)
  await write(qualityRecord)
  await write(windowFindingRecord)
  await write(driftFindingRecord)
  await write(markRecord)
  await write(qualityFindingRecord)
  await write(qualityReportRecord)
  await write(referenceRecord)
}
