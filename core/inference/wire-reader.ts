// Walks the protobuf wire format of bytes that nobody has vouched for: every length is checked
// against what is left, and nothing is copied or allocated by a length that the input claims. It
// knows no message type.

const VARINT_BYTES_MAX = 10

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** The bytes are no valid protobuf message. */
export class MalformedWire extends Error {
  override readonly name = "MalformedWire"
}

/** A cursor over the fields of one message, which lies in `bytes` from `start` to before `end`. */
export class WireReader {
  /** Number and wire type of the current field. */
  field = 0
  wireType = 0
  /** Of a length-delimited field: where its bytes begin, and the first position after them. */
  from = 0
  to = 0
  readonly #bytes: Uint8Array
  readonly #end: number
  #position: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Steps to the next field; false at the end of the message. Throws MalformedWire. */
  next(): boolean {
    if (this.#position >= this.#end) return false
    const key = this.#readSmall()
    this.field = Math.floor(key / 8)
    this.wireType = key % 8
    if (this.field === 0) throw new MalformedWire(`field number 0 at byte ${this.#position}`)
    switch (this.wireType) {
      case WIRE.varint:
        this.from = this.#position
        this.#skipVarint()
        this.to = this.#position
        return true
      case WIRE.fixed64:
        this.#take(8)
        return true
      case WIRE.bytes:
        this.#take(this.#readSmall())
        return true
      case WIRE.fixed32:
        this.#take(4)
        return true
      default:
        throw new MalformedWire(`wire type ${this.wireType} at byte ${this.#position}`)
    }
  }

  /** The current field as a signed 64-bit integer; 0 when it is no varint. */
  get integer(): bigint {
    return this.wireType === WIRE.varint ? this.#signed(this.from, this.to) : 0n
  }

  /** The varints of a packed field. Throws MalformedWire. */
  *packedIntegers(): Generator<bigint> {
    if (this.wireType !== WIRE.bytes) return
    const packed = new WireReader(this.#bytes, this.from, this.to)
    while (packed.#position < packed.#end) {
      const from = packed.#position
      packed.#skipVarint()
      yield this.#signed(from, packed.#position)
    }
  }

  #signed(from: number, to: number): bigint {
    let value = 0n
    for (let at = from, shift = 0n; at < to; at++, shift += 7n) {
      value |= BigInt((this.#bytes[at] ?? 0) & 127) << shift
    }
    return BigInt.asIntN(64, value)
  }

  /** The bytes of the current length-delimited field: a view. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.from, this.to)
  }

  /** The fields of the current field, read as a message of its own. */
  message(): WireReader {
    return new WireReader(this.#bytes, this.from, this.to)
  }

  #take(length: number): void {
    if (length > this.#end - this.#position)
      throw new MalformedWire(`a length of ${length} at byte ${this.#position} passes the end`)
    this.from = this.#position
    this.to = this.#position + length
    this.#position = this.to
  }

  /** A key or a length: both are below 2^32 in every valid message. */
  #readSmall(): number {
    let value = 0
    for (let index = 0, scale = 1; index < VARINT_BYTES_MAX; index++, scale *= 128) {
      if (this.#position >= this.#end) throw new MalformedWire("it ends inside a number")
      const byte = this.#bytes[this.#position++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new MalformedWire(`a number of more than ${VARINT_BYTES_MAX} bytes`)
  }

  #skipVarint(): void {
    const limit = Math.min(this.#end, this.#position + VARINT_BYTES_MAX)
    while (this.#position < limit) {
      if ((this.#bytes[this.#position++] ?? 0) < 128) return
    }
    throw new MalformedWire(`a number without an end at byte ${this.#position}`)
  }
}
