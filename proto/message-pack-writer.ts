// Writes MessagePack straight into one reused buffer, byte for byte as `@msgpack/msgpack` does with
// `ignoreUndefined`. Facts and requests pass through here once each: what a general encoder
// allocates for them was most of what a predictor allocates. It writes the forms that records are
// made of and refuses everything else.
import { Encoder } from "@msgpack/msgpack"

/** Of the memory that is reused; larger memory goes with the record that needed it. */
const BUFFER_FIRST_BYTES = 32 * 1024
/** From so many bytes of tensors on, memory of its own costs a record less than a copy. */
const LARGE_MIN_BYTES = 16 * 1024
/** Of a large record, for what is not tensors; a record that has more gets it. */
const LARGE_MARGIN_BYTES = 8 * 1024
/** Bytes that a number with its marker takes at most. */
const NUMBER_BYTES = 9
/** Bytes that a UTF-16 unit takes at most in UTF-8. */
const UNIT_BYTES = 3
const TWO_32 = 2 ** 32

const general = new Encoder()

/** Memory that is written to, seen in three ways. */
class Memory {
  readonly bytes: Buffer
  /** The same bytes: a Buffer's own `slice` copies nothing. */
  readonly plain: Uint8Array
  readonly view: DataView

  constructor(byteLength: number) {
    this.bytes = Buffer.allocUnsafeSlow(byteLength)
    this.plain = new Uint8Array(this.bytes.buffer)
    this.view = new DataView(this.bytes.buffer)
  }
}

export class MessagePackWriter {
  readonly #reused = new Memory(BUFFER_FIRST_BYTES)
  #bytes = this.#reused.bytes
  #plain = this.#reused.plain
  #view = this.#reused.view
  #at = 0

  /**
   * Begins anew, whatever was written before. `tensorBytes`: how many bytes of tensors will come,
   * where that is known; saves making room for them step by step.
   */
  begin(tensorBytes = 0): void {
    this.#at = 0
    const isLarge = tensorBytes > LARGE_MIN_BYTES
    this.#use(isLarge ? new Memory(tensorBytes + LARGE_MARGIN_BYTES) : this.#reused)
  }

  /** What was written since `begin`, in memory that nothing else is written to. */
  written(): Uint8Array {
    if (this.#bytes === this.#reused.bytes) return this.#plain.slice(0, this.#at)
    const whole = this.#plain.subarray(0, this.#at)
    this.#use(this.#reused)
    return whole
  }

  nil(): void {
    this.#room(1)
    this.#bytes[this.#at++] = 0xc0
  }

  listOf(count: number): void {
    this.#room(NUMBER_BYTES)
    if (count < 16) this.#bytes[this.#at++] = 0x90 + count
    else this.#length(count, 0xdc, 0xdd)
  }

  /** Anything that a record may hold; `undefined` and null are nil. */
  value(value: unknown): void {
    if (typeof value === "string") this.text(value)
    else if (typeof value === "number") this.#number(value)
    else if (value === undefined || value === null) this.nil()
    else if (typeof value === "boolean") {
      this.#room(1)
      this.#bytes[this.#at++] = value ? 0xc3 : 0xc2
    } else if (value instanceof Uint8Array) this.binary(value)
    else if (Array.isArray(value)) {
      this.listOf(value.length)
      for (const item of value) this.value(item)
    } else if (typeof value === "object") this.#map(value)
    else throw new Error(`a record holds no ${typeof value}`)
  }

  text(text: string): void {
    const { length } = text
    this.#room(NUMBER_BYTES + length * UNIT_BYTES)
    const start = this.#at
    const head = length < 32 ? 1 : 2
    // As many bytes as characters: all of them are ASCII, and the head was foreseen right.
    if (length < 0x100 && this.#bytes.write(text, start + head) === length) {
      if (head === 1) this.#bytes[start] = 0xa0 + length
      else {
        this.#bytes[start] = 0xd9
        this.#bytes[start + 1] = length
      }
      this.#at = start + head + length
    } else this.#append(general.encode(text))
  }

  #append(encoded: Uint8Array): void {
    this.#room(encoded.byteLength)
    this.#bytes.set(encoded, this.#at)
    this.#at += encoded.byteLength
  }

  binary(data: Uint8Array): void {
    const { byteLength } = data
    this.#room(NUMBER_BYTES + byteLength)
    if (byteLength < 0x100) this.#small(0xc4, byteLength)
    else this.#length(byteLength, 0xc5, 0xc6)
    this.#bytes.set(data, this.#at)
    this.#at += byteLength
  }

  #map(value: object): void {
    const entries = Object.entries(value).filter(([, part]) => part !== undefined)
    this.#room(NUMBER_BYTES)
    if (entries.length < 16) this.#bytes[this.#at++] = 0x80 + entries.length
    else this.#length(entries.length, 0xde, 0xdf)
    for (const [name, part] of entries) {
      this.text(name)
      this.value(part)
    }
  }

  #number(value: number): void {
    this.#room(NUMBER_BYTES)
    if (!Number.isSafeInteger(value)) {
      this.#bytes[this.#at++] = 0xcb
      this.#view.setFloat64(this.#at, value)
      this.#at += 8
    } else if (value >= 0) this.#whole(value)
    else this.#negative(value)
  }

  #whole(value: number): void {
    if (value < 0x80) this.#bytes[this.#at++] = value
    else if (value < 0x100) this.#small(0xcc, value)
    else if (value < TWO_32) this.#length(value, 0xcd, 0xce)
    else {
      this.#bytes[this.#at++] = 0xcf
      this.#view.setUint32(this.#at, Math.floor(value / TWO_32))
      this.#view.setUint32(this.#at + 4, value >>> 0)
      this.#at += 8
    }
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#bytes[this.#at++] = value & 0xff
    else if (value >= -0x80) this.#small(0xd0, value & 0xff)
    else if (value >= -0x8000) this.#length(value & 0xffff, 0xd1, 0xd2)
    else if (value >= -0x80000000) {
      this.#bytes[this.#at++] = 0xd2
      this.#view.setInt32(this.#at, value)
      this.#at += 4
    } else {
      this.#bytes[this.#at++] = 0xd3
      this.#view.setBigInt64(this.#at, BigInt(value))
      this.#at += 8
    }
  }

  /** A marker and one byte. */
  #small(marker: number, value: number): void {
    this.#bytes[this.#at] = marker
    this.#bytes[this.#at + 1] = value
    this.#at += 2
  }

  /** One marker and two bytes, or the other and four. */
  #length(length: number, two: number, four: number): void {
    if (length < 0x10000) {
      this.#bytes[this.#at] = two
      this.#view.setUint16(this.#at + 1, length)
      this.#at += 3
    } else {
      this.#bytes[this.#at] = four
      this.#view.setUint32(this.#at + 1, length)
      this.#at += 5
    }
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.byteLength) return
    const before = this.#bytes
    this.#use(new Memory(Math.max(needed, 2 * before.byteLength)))
    this.#bytes.set(before.subarray(0, this.#at))
  }

  #use({ bytes, plain, view }: Memory): void {
    this.#bytes = bytes
    this.#plain = plain
    this.#view = view
  }
}
