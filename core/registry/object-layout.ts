// How JetStream's object store lays an object out: pieces under a subject of their own, then one
// message that describes them. Spelled here so that any NATS client can list and read the models.
// It neither reads nor writes.
import { Schema } from "effect"
import { MODELS_BUCKET } from "#proto/subjects"

/** The stream behind the bucket. */
export const MODELS_STREAM = `OBJ_${MODELS_BUCKET}`
export const ALL_PIECES = `$O.${MODELS_BUCKET}.C.>`
export const ALL_OBJECTS = `$O.${MODELS_BUCKET}.M.>`
/** Each put has a number of its own, under which its pieces lie. */
export const piecesSubject = (put: string): string => `$O.${MODELS_BUCKET}.C.${put}`
export const putOfPieces = (subject: string): string => subject.split(".")[3] ?? ""

/** base64url with padding, as the object store's other clients write it. */
const padded = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("base64").replaceAll("+", "-").replaceAll("/", "_")

export const objectSubject = (name: string): string =>
  `$O.${MODELS_BUCKET}.M.${padded(Buffer.from(name))}`

const ObjectDescription = Schema.Struct({
  name: Schema.String,
  bucket: Schema.String,
  nuid: Schema.String,
  size: Schema.Int,
  chunks: Schema.Int,
  mtime: Schema.optionalKey(Schema.String),
  digest: Schema.optionalKey(Schema.String),
  deleted: Schema.optionalKey(Schema.Boolean),
  options: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ max_chunk_size: Schema.optionalKey(Schema.Int) })),
  ),
})
export type ObjectDescription = typeof ObjectDescription.Type

const utf8 = new TextDecoder()
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ObjectDescription))
/** Throws when it is no description of an object. */
export const readDescription = (data: Uint8Array): ObjectDescription => decode(utf8.decode(data))

export interface NewObject {
  /** SHA-256 of the bytes, hexadecimal: the object's name. */
  readonly digest: string
  readonly put: string
  readonly bytes: number
  readonly pieces: number
  readonly pieceBytes: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export const writeDescription = (object: NewObject): Uint8Array => {
  const description: ObjectDescription = {
    name: object.digest,
    bucket: MODELS_BUCKET,
    nuid: object.put,
    size: object.bytes,
    chunks: object.pieces,
    mtime: new Date(object.at).toISOString(),
    digest: `SHA-256=${padded(Buffer.from(object.digest, "hex"))}`,
    deleted: false,
    options: { max_chunk_size: object.pieceBytes },
  }
  return new TextEncoder().encode(JSON.stringify(description))
}
