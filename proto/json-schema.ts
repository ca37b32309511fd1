// The JSON Schemas of the records, from the definitions that the code itself checks by.
import { Schema } from "effect"

export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly pattern?: string
  readonly maxLength?: number
  readonly minimum?: number
  readonly maxItems?: number
  readonly contentEncoding?: string
  readonly items?: JsonSchema
  readonly prefixItems?: ReadonlyArray<JsonSchema>
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean | JsonSchema
}

const BYTES = "Bytes: `bin` in MessagePack, base64 in JSON."

/** Says of each field of bytes how it travels; everything else stays as it is. */
const describeBytes = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(describeBytes)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([key, part]) => [key, describeBytes(part)] as const)
  const described = Object.fromEntries(entries)
  return described["contentEncoding"] === "base64"
    ? { ...described, description: BYTES }
    : described
}

/** The document of one record (draft 2020-12), as it is committed. */
export const schemaDocument = (title: string, schema: Schema.Constraint): object => {
  const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema)
  const defs = Object.keys(definitions).length === 0 ? {} : { $defs: definitions }
  const described = describeBytes({ ...root, ...defs })
  return Object.assign(
    { $schema: "https://json-schema.org/draft/2020-12/schema", title },
    described,
  )
}
