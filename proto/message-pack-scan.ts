// Walks the bytes of a message before anything is built from them. A decoder allocates what a
// length claims: three bytes can claim megabytes, again at each level. Here nothing is allocated;
// it reads no values and judges no contents.

/** Values in one message, all levels together; the largest real record has some thousands. */
export const VALUES_MAX = 1 << 18
/** Levels of arrays and maps in each other; a prediction has five. */
export const DEPTH_MAX = 16

/** Bytes of the length that follows a marker, by how the marker says it. */
const lengthAt = (view: DataView, at: number, width: number): number =>
  width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at)

interface Head {
  /** Bytes of the marker, its length field and its own contents. */
  readonly bytes: number
  /** Values that follow as its entries. */
  readonly entries: number
}

const FIXED_BYTES: Readonly<Record<number, number>> = {
  0xc0: 1,
  0xc2: 1,
  0xc3: 1,
  0xca: 5,
  0xcb: 9,
  0xcc: 2,
  0xcd: 3,
  0xce: 5,
  0xcf: 9,
  0xd0: 2,
  0xd1: 3,
  0xd2: 5,
  0xd3: 9,
}

/** Markers of strings, bytes, arrays and maps, with the width of their length field. */
const LENGTH_WIDTH: Readonly<Record<number, number>> = {
  0xc4: 1,
  0xc5: 2,
  0xc6: 4,
  0xd9: 1,
  0xda: 2,
  0xdb: 4,
  0xdc: 2,
  0xdd: 4,
  0xde: 2,
  0xdf: 4,
}

const headAt = (view: DataView, at: number): Head => {
  const marker = view.getUint8(at)
  if (marker < 0x80 || marker >= 0xe0) return { bytes: 1, entries: 0 }
  if (marker < 0x90) return { bytes: 1, entries: 2 * (marker & 15) }
  if (marker < 0xa0) return { bytes: 1, entries: marker & 15 }
  if (marker < 0xc0) return { bytes: 1 + (marker & 31), entries: 0 }
  const fixed = FIXED_BYTES[marker]
  if (fixed !== undefined) return { bytes: fixed, entries: 0 }
  const width = LENGTH_WIDTH[marker]
  if (width === undefined) throw new Error(`marker 0x${marker.toString(16)} is not used here`)
  const length = lengthAt(view, at + 1, width)
  if (marker < 0xdc) return { bytes: 1 + width + length, entries: 0 }
  return { bytes: 1 + width, entries: marker < 0xde ? length : 2 * length }
}

/**
 * Throws unless `bytes` hold exactly one whole value with at most `VALUES_MAX` values in it and at
 * most `DEPTH_MAX` levels. What a length claims is then really there, so a decoder allocates in
 * proportion to the message.
 */
export const checkExtent = (bytes: Uint8Array): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const left: Array<number> = [1]
  let values = 0
  let at = 0
  while (left.length > 0) {
    const level = left.length - 1
    const remaining = left[level] ?? 0
    if (remaining === 0) {
      left.pop()
      continue
    }
    left[level] = remaining - 1
    if (at >= bytes.byteLength) throw new Error(`ends after ${bytes.byteLength} bytes`)
    const head = headAt(view, at)
    at += head.bytes
    values += 1
    if (at + head.entries > bytes.byteLength)
      throw new Error(`ends after ${bytes.byteLength} bytes, claims at least ${at + head.entries}`)
    if (values + head.entries > VALUES_MAX) throw new Error(`more than ${VALUES_MAX} values`)
    if (head.entries > 0 && left.push(head.entries) > DEPTH_MAX + 1)
      throw new Error(`more than ${DEPTH_MAX} levels`)
  }
  if (at !== bytes.byteLength) throw new Error(`${bytes.byteLength - at} bytes after the value`)
}
