// What is generated from the definitions is committed as it would be generated now, and says
// nothing that is not so.
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Encoder } from "@msgpack/msgpack"
import { byteListing } from "./byte-listing.ts"
import { BYTE_FORMS, FIELD_NOTES, HEADER_NOTES } from "./contract-notes.ts"
import { headerNames } from "./contract-page.ts"
import { formatted, generated } from "./generate-contracts.ts"
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
import { DATATYPES } from "./tensor.ts"

const root = join(import.meta.dir, "..")
const files = generated()
const committed = await formatted(files)

test("the page and the schemas are as they would be generated now", async () => {
  for (const [path, text] of committed)
    expect({ path, text: await Bun.file(join(root, path)).text() }).toEqual({ path, text })
})

describe("each schema", () => {
  const documents = [...files]
    .filter(([path]) => path.endsWith(".json"))
    .map(([path, text]) => [path, text, JSON.parse(text)] as const)

  test("says what it is and by which rules it is read", () => {
    expect(documents.length).toBe(9)
    for (const [, , document] of documents) {
      expect(document.$schema).toBe("https://json-schema.org/draft/2020-12/schema")
      expect(document.title).toBeString()
    }
  })

  test("refers to nothing that is not in it", () => {
    for (const [path, text, document] of documents)
      for (const [, reference = ""] of text.matchAll(/"\$ref": "([^"]*)"/gu)) {
        const name = /^#\/\$defs\/(.+)$/u.exec(reference)?.[1] ?? ""
        expect({ path, reference, found: Object.keys(document.$defs ?? {}) }).toMatchObject({
          found: expect.arrayContaining([name]),
        })
      }
  })

  test("describes fields of bytes as bytes, and names by their pattern", () => {
    const prediction = JSON.parse(files.get("proto/schema/prediction.json") ?? "")
    const { data } = prediction.properties.outputs.items.properties
    expect(data.contentEncoding).toBe("base64")
    expect(data.description).toContain("`bin` in MessagePack")
    expect(prediction.properties.id.pattern).toBe("^[A-Za-z0-9_\\-]{1,64}$")
    expect(prediction.required).toEqual(["id", "model", "times", "deliveries"])
  })
})

describe("the page", () => {
  const page = files.get("docs/contracts.md") ?? ""

  test("has a line for every header, datatype and field, and notes for nothing else", () => {
    expect(Object.keys(HEADER_NOTES).toSorted()).toEqual([...headerNames])
    const datatypes: ReadonlyArray<string> = DATATYPES
    expect(Object.keys(BYTE_FORMS).filter((name) => !datatypes.includes(name))).toEqual([])
    for (const name of [...headerNames, ...datatypes]) expect(page).toContain(`| \`${name}\` |`)
    for (const [record, notes] of Object.entries(FIELD_NOTES)) {
      const section = page.split("\n### ").find((text) => text.startsWith(record)) ?? ""
      for (const field of Object.keys(notes)) expect(section).toContain(`| \`${field}\` |`)
    }
  })

  test("shows each example whole: its bytes, put together, are the record", () => {
    const check = <A>({ layout, examples, codec }: RecordKind<A>) => {
      for (const bytes of examples.map(({ value }) => codec.encode(value))) {
        if (layout === undefined) {
          expect(page).toContain(new TextDecoder().decode(bytes))
          continue
        }
        const lines = byteListing(bytes, layout)
        const shown = lines.map((line) => line.split(" ")[0]).join("")
        expect(shown).toBe(Buffer.from(bytes).toString("hex"))
        for (const line of lines) expect(page).toContain(line)
      }
    }
    check(requestRecord)
    check(predictionRecord)
    check(deadLetterRecord)
    check(releaseRecord)
    check(accessRecord)
    check(outcomeRecord)
    check(qualityRecord)
  })
})

test("the digest of the example can be computed from what the page shows of it", async () => {
  const page = await Bun.file(join(root, "docs", "contracts.md")).text()
  const section = page.split("\n## ").find((text) => text.startsWith("The digest")) ?? ""
  const blocks = [...section.matchAll(/```[a-z]+\n([^`]*)\n```/gu)].map(([, text = ""]) => text)
  const [, head = "", data = "", digest = ""] = blocks
  expect(digest).toMatch(/^[0-9a-f]{64}$/u)
  const hash = new Bun.CryptoHasher("sha256")
  hash.update(head)
  hash.update(Buffer.from(data.replaceAll(" ", ""), "hex"))
  expect(hash.digest("hex")).toBe(digest)
})

test("a producer that follows the page by hand writes a request that is read", () => {
  // Place by place as the page has it, with the last optional fields left out.
  const data = Buffer.alloc(8)
  data.writeFloatLE(600, 0)
  data.writeFloatLE(736, 4)
  const bytes = new Encoder().encode([1, [["distance", "FP32", [2, 1], data]], ["delayed"]])
  expect(requestRecord.codec.decode(bytes)).toEqual({
    inputs: [{ name: "distance", datatype: "FP32", shape: [2, 1], data: new Uint8Array(data) }],
    outputs: ["delayed"],
  })
})
