// Reads MessagePack from front to back without building what is skipped. It takes only the forms
// that records are made of, and refuses everything that does not fit into the bytes that are there.
import { asBuffer } from "./as-buffer.ts"

const NIL = 0xc0
const FLOAT64 = 0xcb
/** Bytes whose length takes one byte. */
const BYTES_8 = 0xc4

const REPLACEMENT = "\ufffd"

/** Names that come again in nearly every record are made once; so many, so long, are kept. */
const KEPT_NAMES = 256
const KEPT_NAME_MAX_BYTES = 31
const keptNames = Array.from({ length: KEPT_NAMES }, () => "")
/** Hexadecimal texts likewise, with the bytes that they stand for. */
const KEPT_HEX = 64
const KEPT_HEX_MAX_BYTES = 32
const keptHex = Array.from({ length: KEPT_HEX }, () => "")
const keptHexBytes = new Uint8Array(KEPT_HEX * KEPT_HEX_MAX_BYTES)

const isSmall = (marker: number): boolean => marker < 0x80 || marker >= 0xe0

/** Bytes after the marker of values that have a fixed size. */
const FIXED = new Map([
  [NIL, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
])

export class MessageReader {
  readonly #bytes: Uint8Array
  /** The same bytes; made when it is first needed. */
  #view: Buffer | undefined
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Takes a nil if there is one. */
  none(): boolean {
    if (this.#bytes[this.#at] !== NIL) return false
    this.#at++
    return true
  }

  /** Begins a list of at most `max` entries; returns how many it has. */
  list(max: number): number {
    const marker = this.#byte()
    const count =
      marker >= 0x90 && marker < 0xa0
        ? marker & 15
        : marker === 0xdc
          ? this.#length(2)
          : marker === 0xdd
            ? this.#length(4)
            : this.#unexpected("a list", marker)
    if (count > max) throw new Error(`at most ${max} entries, got ${count}`)
    return count
  }

  listOf(count: number): void {
    const found = this.list(count)
    if (found !== count) throw new Error(`${count} entries, got ${found}`)
  }

  text(): string {
    const marker = this.#byte()
    const length =
      marker >= 0xa0 && marker < 0xc0
        ? marker & 31
        : marker >= 0xd9 && marker <= 0xdb
          ? this.#length(1 << (marker - 0xd9))
          : this.#unexpected("a text", marker)
    const start = this.#take(length)
    const text = this.#buffer().toString("utf8", start, start + length)
    // What was no UTF-8, or might have been none: for the general decoder to tell.
    if (text.includes(REPLACEMENT)) throw new Error("expected a text in UTF-8")
    return text
  }

  /** A text that is likely to come again: as `text`, but the same bytes are not decoded twice. */
  name(): string {
    const start = this.#at + 1
    const length = (this.#bytes[this.#at] ?? 0) - 0xa0
    if (length < 0 || length > KEPT_NAME_MAX_BYTES) return this.text()
    let hash = length
    for (let at = start; at < start + length; at++) hash = (hash * 31 + (this.#bytes[at] ?? 0)) | 0
    const slot = hash & (KEPT_NAMES - 1)
    const kept = keptNames[slot] ?? ""
    if (kept.length === length && this.#stands(kept, start)) {
      this.#at = start + length
      return kept
    }
    const text = this.text()
    // As many characters as bytes: each byte is one, and they can be held against each other.
    if (text.length === length) keptNames[slot] = text
    return text
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.#binary()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** The hexadecimal text of exactly `count` bytes. */
  hex(count: number): string {
    return this.#hexAt(this.#exactly(count), count)
  }

  /** As `hex`, for bytes that are likely to come again: their text is not made twice. */
  hexName(count: number): string {
    const start = this.#exactly(count)
    if (count > KEPT_HEX_MAX_BYTES) return this.#hexAt(start, count)
    const slot = (this.#bytes[start] ?? 0) & (KEPT_HEX - 1)
    const kept = keptHex[slot] ?? ""
    const from = slot * KEPT_HEX_MAX_BYTES
    if (kept.length === 2 * count && this.#equals(start, count, keptHexBytes, from)) return kept
    const text = this.#hexAt(start, count)
    keptHex[slot] = text
    keptHexBytes.set(this.#bytes.subarray(start, start + count), from)
    return text
  }

  /** A whole number from 0 to 2^53 − 1. */
  whole(): number {
    const marker = this.#byte()
    if (marker < 0x80) return marker
    if (marker >= 0xcc && marker <= 0xce) return this.#length(1 << (marker - 0xcc))
    if (marker === 0xcf) {
      const high = this.#length(4)
      if (high < 1 << 21) return high * 2 ** 32 + this.#length(4)
    }
    return this.#unexpected("a whole number", marker)
  }

  /** Any finite number of 64 bits, or a whole one from 0 on. */
  finite(): number {
    if (this.#bytes[this.#at] !== FLOAT64) return this.whole()
    const start = this.#take(9) + 1
    const number = this.#buffer().readDoubleBE(start)
    if (!Number.isFinite(number)) throw new Error("expected a finite number")
    return number
  }

  boolean(): boolean {
    const marker = this.#byte()
    return marker === 0xc3 || (marker !== 0xc2 && this.#unexpected("a boolean", marker))
  }

  /** Passes over `count` values with all that is in them. */
  skip(count: number): void {
    for (let left = count; left > 0; left--) left += this.#skipOne()
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.#at !== this.#bytes.byteLength) throw new Error("bytes after the end")
  }

  /** Passes over one value; returns how many entries of it follow. */
  #skipOne(): number {
    const marker = this.#byte()
    if (isSmall(marker)) return 0
    if (marker < 0x90) return 2 * (marker & 15)
    if (marker < 0xa0) return marker & 15
    if (marker < 0xc0) return this.#pass(marker & 31)
    const fixed = FIXED.get(marker)
    if (fixed !== undefined) return this.#pass(fixed)
    if (marker >= 0xc4 && marker <= 0xc6) return this.#pass(this.#length(1 << (marker - 0xc4)))
    if (marker >= 0xd9 && marker <= 0xdb) return this.#pass(this.#length(1 << (marker - 0xd9)))
    if (marker >= 0xdc && marker <= 0xdd) return this.#length(marker === 0xdc ? 2 : 4)
    if (marker >= 0xde) return 2 * this.#length(marker === 0xde ? 2 : 4)
    return this.#unexpected("a value", marker)
  }

  #pass(length: number): 0 {
    this.#take(length)
    return 0
  }

  /** Takes exactly `count` bytes; returns where they begin. */
  #exactly(count: number): number {
    const at = this.#at
    // The form that is written, in one look.
    if (this.#bytes[at] === BYTES_8 && this.#bytes[at + 1] === count) this.#at += 2
    else {
      const length = this.#binary()
      if (length !== count) throw new Error(`expected ${count} bytes, got ${length}`)
    }
    return this.#take(count)
  }

  #hexAt(start: number, count: number): string {
    return this.#buffer().toString("hex", start, start + count)
  }

  #equals(start: number, count: number, other: Uint8Array, from: number): boolean {
    for (let at = 0; at < count; at++)
      if (this.#bytes[start + at] !== other[from + at]) return false
    return true
  }

  /** Length of the bytes that begin here. */
  #binary(): number {
    const marker = this.#byte()
    return marker >= 0xc4 && marker <= 0xc6
      ? this.#length(1 << (marker - 0xc4))
      : this.#unexpected("bytes", marker)
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  #stands(text: string, start: number): boolean {
    for (let at = 0; at < text.length; at++)
      if (this.#bytes[start + at] !== text.charCodeAt(at)) return false
    return true
  }

  #buffer(): Buffer {
    return (this.#view ??= asBuffer(this.#bytes))
  }

  #length(width: number): number {
    const start = this.#take(width)
    let length = 0
    for (let at = start; at < start + width; at++) length = length * 256 + (this.#bytes[at] ?? 0)
    return length
  }

  #take(length: number): number {
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.byteLength) throw new Error("more bytes than there are")
    return start
  }

  #unexpected(expected: string, marker: number): never {
    throw new Error(`expected ${expected}, got marker 0x${marker.toString(16)}`)
  }
}
