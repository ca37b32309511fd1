// Writes docs/contracts.md from the definitions: what a producer or reader in another language has
// to know. It invents nothing: what is not in the definitions stands in contract-notes.ts.
import { byteListing } from "./byte-listing.ts"
import { BYTE_FORMS, FIELD_NOTES, HEADER_NOTES } from "./contract-notes.ts"
import type { RecordKind } from "./golden-examples.ts"
import { digestSection } from "./digest-section.ts"
import * as headers from "./headers.ts"
import { schemaDocument, type JsonSchema } from "./json-schema.ts"
import type { Layout, Nested } from "./message-pack.ts"
import { DATATYPES, ELEMENT_BYTES } from "./tensor.ts"
import { modelToken } from "./names.ts"
import * as subjects from "./subjects.ts"

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}
const code = (text: string) => `\`${text}\``

/** A type in a few words. */
export const typeText = (schema: JsonSchema): string => {
  if (schema.contentEncoding !== undefined) return "bytes"
  if (schema.enum !== undefined) return schema.enum.map((one) => code(String(one))).join(" or ")
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(" or ")
  const limits = [
    schema.pattern === undefined ? [] : [`matches ${code(schema.pattern)}`],
    schema.maxLength === undefined ? [] : [`at most ${schema.maxLength} characters`],
    schema.maxItems === undefined ? [] : [`at most ${schema.maxItems}`],
    schema.minimum === undefined || schema.minimum < -1 ? [] : [`from ${schema.minimum}`],
  ].flat()
  const suffix = limits.length === 0 ? "" : `, ${limits.join(", ")}`
  if (schema.type === "array") {
    const item = schema.items === undefined ? "values" : typeText(schema.items)
    return `list of ${item}${suffix}`
  }
  if (schema.type !== "object") return `${schema.type ?? "value"}${suffix}`
  return schema.properties === undefined ? "map" : "record"
}

/** Of hexadecimal text, which is bytes where it is stored. */
const stored = (bytes: number | undefined): string | undefined =>
  bytes === undefined ? undefined : `${bytes} bytes, hexadecimal in JSON`

const isList = (nested: Nested): nested is readonly [Layout] => Array.isArray(nested)

/** A table for a record, and one for each record in it, named by its path. */
const fieldTables = (
  title: string,
  schema: JsonSchema,
  layout: Layout | undefined,
  notes: Readonly<Record<string, string>>,
  firstPlace: number,
): ReadonlyArray<string> => {
  const properties = schema.properties ?? {}
  const fields = layout?.fields ?? Object.keys(properties)
  const head =
    layout === undefined
      ? ["field", "type", "", "meaning"]
      : ["place", "field", "type", "", "meaning"]
  const rows = fields.map((field, index) => {
    const row = [
      code(field),
      stored(layout?.hex?.[field]) ?? typeText(properties[field] ?? {}),
      schema.required?.includes(field) === true ? "required" : "optional",
      notes[field] ?? "",
    ]
    return layout === undefined ? row : [String(firstPlace + index), ...row]
  })
  const inner = fields.flatMap((field) => {
    const nested = layout?.nested?.[field]
    if (nested === undefined) return []
    const part = properties[field] ?? {}
    return isList(nested)
      ? fieldTables(`Each of ${code(field)}`, part.items ?? {}, nested[0], {}, 0)
      : fieldTables(code(field), part, nested, {}, 0)
  })
  return [`${title}:\n\n${table(head, rows)}`, ...inner]
}

/** The variants of a union are shown one by one, by their tag. */
const variants = (schema: JsonSchema): ReadonlyArray<readonly [string, JsonSchema]> =>
  schema.anyOf === undefined
    ? [["", schema]]
    : schema.anyOf.map((one) => [String(one.properties?.["_tag"]?.enum?.[0] ?? ""), one] as const)

const exampleText = <A>(record: RecordKind<A>): ReadonlyArray<string> =>
  record.examples.flatMap(({ what, file, value }) => {
    const bytes = record.codec.encode(value)
    const title = `Example, ${what} (${bytes.byteLength} bytes, \`proto/golden/${file}.json\`):`
    const listing =
      record.layout === undefined
        ? ["```json", new TextDecoder().decode(bytes), "```"]
        : ["```text", ...byteListing(bytes, record.layout), "```"]
    return [title, listing.join("\n")]
  })

export const recordSection = <A>(record: RecordKind<A>, where: string): ReadonlyArray<string> => {
  // Boundary: the generator of schemas types them as plain JSON.
  const schema = schemaDocument(record.name, record.schema) as JsonSchema
  const form =
    record.layout === undefined
      ? `JSON: an object with ${code(`"format": ${record.format}`)} and the fields of a variant.`
      : `MessagePack: an array of the format number (${record.format}) and the fields, each in ` +
        "its place. An absent field is `nil`; absent fields at the end may be left out."
  const notes = FIELD_NOTES[record.name] ?? {}
  return [
    `### ${record.name}`,
    `${where} ${form} Schema: ${code(`proto/schema/${fileOf(record.name)}.json`)}.`,
    ...variants(schema).flatMap(([tag, one]) =>
      fieldTables(tag === "" ? "Fields" : code(tag), one, record.layout, notes, 1),
    ),
    ...exampleText(record),
  ]
}

export const fileOf = (name: string): string => name.replaceAll(" ", "-")

const subjectRows = (): ReadonlyArray<ReadonlyArray<string>> => {
  const [model, id] = ["<model>", "<id>"]
  const { REQUESTS, PREDICTIONS, HISTORY, EVENTS, FINDINGS, DEAD_LETTERS } = subjects
  const history = subjects.historySubject(model)
  const reply = `${subjects.replyPrefix("<process>")}.<token>`
  return [
    [subjects.requestSubject(model, id), REQUESTS, "a request that waits"],
    [
      subjects.fastSubject(model, id),
      "none",
      "a request that goes to a predictor beside the queue",
    ],
    [subjects.predictionSubject(model, id), PREDICTIONS, "the fact: an answer or a failure"],
    [subjects.outcomeSubject(model, id), PREDICTIONS, "ground truth for the same id"],
    [history, HISTORY, "the server's copy of each fact"],
    [`${history}.outcome`, HISTORY, "the server's copy of each outcome"],
    [subjects.eventSubject("release", model), EVENTS, "decisions about versions"],
    [subjects.eventSubject("key", "<caller>"), EVENTS, "decisions about who may do what"],
    [subjects.eventSubject("erasure", model), EVENTS, "that somebody's inputs were erased"],
    [subjects.eventSubject("quality", model), EVENTS, "which suites judge its rows"],
    [subjects.findingSubject("<kind>", model), FINDINGS, "what observers found"],
    [subjects.deadSubject(model, id), DEAD_LETTERS, "what could not be predicted"],
    [
      subjects.storedSubject(model, id).replace(/[^.]+$/, "<tail>"),
      "none",
      "repeated by the server once the fact is stored; the tail of an id are its last " +
        `${subjects.ID_TAIL_CHARACTERS} characters`,
    ],
    [reply, "none", "answers to a gateway"],
    [subjects.ASK_STATISTICS, "none", "asks every predictor what it has served"],
    [subjects.ASK_HOLD, "none", "asks every predictor to hold a version"],
  ].map(([subject = "", stream = "", meaning = ""]) => [code(subject), stream, meaning])
}

const datatypeRows = (): ReadonlyArray<ReadonlyArray<string>> =>
  DATATYPES.map((datatype) => [
    code(datatype),
    ELEMENT_BYTES[datatype] === 0 ? "differs" : String(ELEMENT_BYTES[datatype]),
    BYTE_FORMS[datatype] ??
      (datatype.startsWith("U") ? "unsigned integer" : "integer, two's complement"),
  ])

const TYPES: ReadonlyArray<string> = [headers.MESSAGE_PACK_TYPE, headers.JSON_TYPE]
export const headerNames: ReadonlyArray<string> = Object.values(headers)
  .filter((name) => !TYPES.includes(name))
  .toSorted()

/** Paragraphs are written in lines here and become one line there. */
const paragraph = (text: string): string => text.trim().replaceAll(/\s*\n\s*/gu, " ")

const INTRODUCTION = [
  "# Contracts",
  paragraph(`
    What the parts of Weir say to each other, written by
    ${code("bun run proto/generate-contracts.ts")} from the definitions in ${code("proto/")};
    a test fails when this page is old. It is enough to write a producer or a reader in another
    language.`),
  "## Publishing a request",
  paragraph(`
    Publish a message to the request subject of a model with an id that nobody used before, and
    wait for the acknowledgement of the stream. The body is an inference request as below with
    ${code(`${headers.CONTENT_TYPE}: ${headers.MESSAGE_PACK_TYPE}`)}, or JSON as the Open Inference
    Protocol has it with ${code(`${headers.CONTENT_TYPE}: ${headers.JSON_TYPE}`)}. An id is made of
    1 to 64 of A–Z, a–z, 0–9, ${code("_")} and ${code("-")}; Weir's own are a UUIDv7 in base32hex,
    lower case, 26 characters. In a subject the points of a model's name are written as
    ${code("~")}: the model ${code("a.b")} is the token ${code(modelToken("a.b"))}. The answer is
    the fact: read the last message of the prediction subject.`),
  paragraph(`
    Refusals of a publish: 10077 *maximum messages per subject exceeded* (the id is queued already:
    wait for its fact), 10077 *maximum messages* or *bytes exceeded* (the queue is full: try again
    later), 10023 (the store is full), no responders or silence (publish again: that is safe).`),
]

/** The page, with one section for each of the given parts about records. */
export const contractPage = (records: ReadonlyArray<ReadonlyArray<string>>): string =>
  [
    ...INTRODUCTION,
    "## Subjects",
    table(["subject", "stream", "holds"], subjectRows()),
    "## Headers",
    "The server compares its own names to the letter: one in other case is ignored, not refused.",
    table(
      ["header", "meaning"],
      headerNames.map((name) => [code(name), HEADER_NOTES[name] ?? ""]),
    ),
    ...digestSection(),
    "## Tensors",
    "A tensor is its name, datatype, shape and the elements as little-endian bytes, row by row.",
    table(["datatype", "bytes of an element", "form"], datatypeRows()),
    "## Records",
    paragraph(`
      Readers know the current format and older ones; a newer one is refused. Fields that a reader
      does not know at the end of an array are ignored.`),
    ...records.flat(),
  ].join("\n\n") + "\n"
