// The bytes of a record with what each of them says, for the written reference. It reads what our
// encoder writes and no more.
import { Decoder } from "@msgpack/msgpack"
import type { Layout, Nested } from "./message-pack.ts"

const decoder = new Decoder()
const INDENT = "  "
/** Columns of the bytes; longer runs push their meaning to the right. */
const WIDTH = 36

interface Container {
  readonly head: number
  readonly map: boolean
  readonly count: number
}

/**
 * Bytes of marker and length of the containers that the encoder writes, and how many values follow.
 */
const container = (bytes: Uint8Array, at: number): Container | undefined => {
  const marker = bytes[at] ?? 0
  const u16 = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
  if (marker >= 0x90 && marker <= 0x9f) return { head: 1, map: false, count: marker & 15 }
  if (marker >= 0x80 && marker <= 0x8f) return { head: 1, map: true, count: marker & 15 }
  if (marker === 0xdc) return { head: 3, map: false, count: u16 }
  if (marker === 0xde) return { head: 3, map: true, count: u16 }
  return undefined
}

/**
 * Length of the value that begins at `at` and is no container: the shortest run of bytes that is a
 * whole value.
 */
const leafLength = (bytes: Uint8Array, at: number): number => {
  for (let length = 1; at + length <= bytes.byteLength; length++) {
    try {
      decoder.decode(bytes.subarray(at, at + length))
      return length
    } catch {
      // Not whole yet.
    }
  }
  throw new Error(`no value at byte ${at}`)
}

const meaning = (value: unknown): string =>
  value instanceof Uint8Array ? `${value.byteLength} bytes` : JSON.stringify(value)

const isList = (nested: Nested): nested is readonly [Layout] => Array.isArray(nested)

const labelOf = (nested: Nested | undefined, index: number): string =>
  nested === undefined || isList(nested) ? `[${index}]` : (nested.fields[index] ?? `[${index}]`)

const childOf = (nested: Nested | undefined, index: number): Nested | undefined => {
  if (nested === undefined) return undefined
  if (isList(nested)) return nested[0]
  return nested.nested?.[nested.fields[index] ?? ""]
}

/**
 * Lines of `bytes name: meaning`, one for each value; `layout` names the fields after the format
 * number.
 */
export const byteListing = (bytes: Uint8Array, layout: Layout): ReadonlyArray<string> => {
  const lines: Array<readonly [hex: string, text: string]> = []
  let at = 0
  const emit = (length: number, depth: number, text: string) => {
    const hex = Buffer.from(bytes.subarray(at, at + length)).toString("hex")
    lines.push([hex, `${INDENT.repeat(depth)}${text}`])
    at += length
  }
  const walk = (label: string, nested: Nested | undefined, depth: number): void => {
    const found = container(bytes, at)
    if (found === undefined) {
      const length = leafLength(bytes, at)
      const value = decoder.decode(bytes.subarray(at, at + length))
      emit(length, depth, value === null ? `${label}: absent` : `${label}: ${meaning(value)}`)
      return
    }
    emit(found.head, depth, `${label}: ${found.map ? "map" : "array"} of ${found.count}`)
    for (let index = 0; index < found.count; index++) {
      if (found.map) walk("key", undefined, depth + 1)
      walk(found.map ? "value" : labelOf(nested, index), childOf(nested, index), depth + 1)
    }
  }
  walk("record", { fields: ["format", ...layout.fields], nested: layout.nested ?? {} }, 0)
  return lines.map(([hex, text]) => `${hex.padEnd(WIDTH)} ${text}`)
}
