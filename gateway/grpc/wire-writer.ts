// Writes the protobuf wire format. Bytes are copied when they are written, so what was given may be
// changed afterwards.

const FIRST_BYTES = 256
/** A varint of 64 bits. */
const VARINT_BYTES_MAX = 10
const TWO_TO_32 = 2 ** 32

export const WIRE_TYPE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
type WireType = (typeof WIRE_TYPE)[keyof typeof WIRE_TYPE]

export class WireWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #length = 0

  key(field: number, wireType: WireType): void {
    this.varint(field * 8 + wireType)
  }

  /** A whole number from −2^53 to 2^53; negative ones as 64-bit two's complement. */
  varint(value: number): void {
    if (value < 0) {
      this.wideVarint(BigInt(value))
      return
    }
    this.#room(VARINT_BYTES_MAX)
    let rest = value
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) | 128
      rest = rest < TWO_TO_32 ? rest >>> 7 : Math.floor(rest / 128)
    }
    this.#buffer[this.#length++] = rest
  }

  wideVarint(value: bigint): void {
    this.#room(VARINT_BYTES_MAX)
    let rest = BigInt.asUintN(64, value)
    while (rest >= 128n) {
      this.#buffer[this.#length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  double(value: number): void {
    this.#room(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  /** A length and the bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.byteLength)
    this.#room(value.byteLength)
    this.#buffer.set(value, this.#length)
    this.#length += value.byteLength
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value)
    this.varint(bytes)
    this.#room(bytes)
    this.#length += this.#buffer.write(value, this.#length)
  }

  /** What was written so far; this writer is not to be used again. */
  end(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.byteLength * 2))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
