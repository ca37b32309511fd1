// Bodies that come packed, made whole within a limit. How they are packed is named by their header,
// never guessed.
import { promisify } from "node:util"
import { gunzip, inflate as inflateZlib, inflateRaw } from "node:zlib"

const CODINGS = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate" } as const
export type Coding = (typeof CODINGS)[keyof typeof CODINGS]
const codings: ReadonlyMap<string, Coding> = new Map(Object.entries(CODINGS))

/** The coding of this name in lower case; undefined where we cannot unpack it. */
export const readCoding = (name: string): Coding | undefined => codings.get(name)

const unpackGzip = promisify(gunzip)
const unpackZlib = promisify(inflateZlib)
const unpackRaw = promisify(inflateRaw)

const ZLIB_METHOD = 8
const ZLIB_CHECK = 31

/** `deflate` means the form with a header, and some clients leave that out. */
const hasZlibHeader = (packed: Uint8Array): boolean => {
  const first = packed[0] ?? 0
  return (first & 15) === ZLIB_METHOD && (first * 256 + (packed[1] ?? 0)) % ZLIB_CHECK === 0
}

const isTooLarge = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE"

/** At most `bytesMax` bytes; nothing beyond them is kept, however small they were packed. */
export const inflate = async (
  packed: Uint8Array,
  coding: Coding,
  bytesMax: number,
): Promise<Uint8Array | "tooLarge" | "broken"> => {
  const unpack = coding === "gzip" ? unpackGzip : hasZlibHeader(packed) ? unpackZlib : unpackRaw
  try {
    return await unpack(packed, { maxOutputLength: bytesMax })
  } catch (cause) {
    return isTooLarge(cause) ? "tooLarge" : "broken"
  }
}
