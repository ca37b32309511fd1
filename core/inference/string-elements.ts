// The elements of a BYTES tensor: a little-endian u32 length and the UTF-8 bytes of each, one after
// the other.
import { isUtf8 } from "node:buffer"

const LENGTH_BYTES = 4
/** Below this many characters a loop over ASCII beats a call into the encoder. */
const SHORT_MAX_CHARACTERS = 32

const asBuffer = (data: Uint8Array): Buffer =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength)

const writeText = (into: Buffer, text: string, at: number): number => {
  if (text.length <= SHORT_MAX_CHARACTERS) {
    let index = 0
    for (; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 127) break
      into[at + index] = code
    }
    if (index === text.length) return index
  }
  return into.write(text, at, "utf8")
}

/** The texts as a BYTES tensor's data. They hold no lone surrogates. */
export const encodeTexts = (texts: ReadonlyArray<string>): Uint8Array => {
  let bytesMax = 0
  // Three bytes are the most that UTF-8 needs for one UTF-16 unit; counting exactly would read
  // every text twice.
  for (const text of texts) bytesMax += LENGTH_BYTES + text.length * 3
  const data = new Uint8Array(bytesMax)
  const into = asBuffer(data)
  let at = 0
  for (const text of texts) {
    const written = writeText(into, text, at + LENGTH_BYTES)
    into.writeUInt32LE(written, at)
    at += LENGTH_BYTES + written
  }
  return data.slice(0, at)
}

/** Elements of any bytes as a BYTES tensor's data. */
export const encodeBlobs = (elements: ReadonlyArray<Uint8Array>): Uint8Array => {
  const data = new Uint8Array(
    elements.reduce((sum, element) => sum + LENGTH_BYTES + element.byteLength, 0),
  )
  const into = asBuffer(data)
  let at = 0
  for (const element of elements) {
    at = into.writeUInt32LE(element.byteLength, at)
    data.set(element, at)
    at += element.byteLength
  }
  return data
}

export interface TextFault {
  /** Index of the element; the number of elements when bytes are left over. */
  readonly index: number
  readonly expected: string
  readonly got: string
}

/** What is wrong with the bytes of one element, or undefined. */
const faultOfText = (data: Uint8Array, from: number, to: number) => {
  // The runtime cuts a text at a NUL character without a word.
  if (data.subarray(from, to).includes(0)) return { expected: "no NUL character", got: "one" }
  for (let at = from; at < to; at++) {
    if ((data[at] ?? 0) <= 127) continue
    if (isUtf8(data.subarray(at, to))) return undefined
    return { expected: "valid UTF-8", got: `${to - from} other bytes` }
  }
  return undefined
}

const lengthAt = (data: Uint8Array, at: number): number =>
  ((data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16)) +
  (data[at + 3] ?? 0) * 2 ** 24

/**
 * Whether `data` is exactly `count` elements of valid UTF-8 without NUL characters: the first
 * fault, if there is one.
 */
export const checkTexts = (data: Uint8Array, count: number): TextFault | undefined => {
  let at = 0
  for (let index = 0; index < count; index++) {
    const left = data.byteLength - at - LENGTH_BYTES
    if (left < 0) {
      return { index, expected: "a length of 4 bytes", got: `${left + LENGTH_BYTES} bytes` }
    }
    const length = lengthAt(data, at)
    if (length > left) return { index, expected: `${length} bytes`, got: `${left} bytes` }
    at += LENGTH_BYTES
    const fault = faultOfText(data, at, at + length)
    if (fault !== undefined) return { index, ...fault }
    at += length
  }
  const extra = data.byteLength - at
  if (extra === 0) return undefined
  return { index: count, expected: "the end of the data", got: `${extra} bytes more` }
}

/** The elements as text. Only for data that `checkTexts` passes. */
export const decodeTexts = (data: Uint8Array, count: number): ReadonlyArray<string> => {
  const from = asBuffer(data)
  const texts: Array<string> = []
  let at = 0
  for (let index = 0; index < count; index++) {
    const start = at + LENGTH_BYTES
    at = start + lengthAt(data, at)
    texts.push(from.toString("utf8", start, at))
  }
  return texts
}
