// Decisions travel as JSON: they are few, kept for ever, and read by people. The format number
// stands in each.
import { Schema } from "effect"
import { isFormat, reasonOf, unknownFormat, UnreadableRecord } from "./message-pack.ts"
import { ReleaseFact } from "./release.ts"

export interface JsonCodec<A> {
  readonly encode: (value: A) => Uint8Array
  /** Throws `UnreadableRecord`. */
  readonly decode: (bytes: Uint8Array) => A
}

const text = new TextEncoder()
const utf8 = new TextDecoder("utf-8", { fatal: true })

/** No reader takes a map with this key: see message-pack.ts. */
const withoutUnreadable = (key: string, part: unknown): unknown =>
  key === "__proto__" ? undefined : part

/** A codec that writes `{"format": n, …fields}`. Formats above `format` are refused. */
export const jsonCodec = <A, I>(
  name: string,
  schema: Schema.Codec<A, I>,
  format: number,
): JsonCodec<A> => {
  const check = Schema.decodeUnknownSync(schema)
  const toPlain = Schema.encodeSync(schema)
  return {
    encode: (value) =>
      text.encode(JSON.stringify({ format, ...toPlain(value) }, withoutUnreadable)),
    decode: (bytes) => {
      try {
        const plain: unknown = JSON.parse(utf8.decode(bytes))
        const found =
          typeof plain === "object" && plain !== null && "format" in plain
            ? plain.format
            : undefined
        if (!isFormat(found, format)) throw new Error(unknownFormat(found, format))
        return check(plain)
      } catch (cause) {
        throw new UnreadableRecord({
          record: name,
          reason: reasonOf(cause),
        })
      }
    },
  }
}

export const RELEASE_FORMAT = 1
export const releaseCodec = jsonCodec("release fact", ReleaseFact, RELEASE_FORMAT)
