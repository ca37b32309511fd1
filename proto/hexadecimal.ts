// Bytes that are hexadecimal text wherever they are shown or compared, and bytes where they are
// stored, since that is half as long. A layout says of which fields of a record this is so.
import { Schema } from "effect"

/** Value of a digit by its character code; other codes have −1 or nothing. */
const DIGIT_VALUES = Int8Array.from({ length: 128 }, (_, code) =>
  "0123456789abcdef".indexOf(String.fromCharCode(code)),
)

/** Text of two digits for each byte, in lower case: what is equal is then written alike. */
export const hexadecimal = (bytes: number) =>
  Schema.String.check(Schema.isPattern(new RegExp(`^[0-9a-f]{${2 * bytes}}$`, "u"))).annotate({
    description: `Hexadecimal in JSON, \`bin\` of ${bytes} bytes in MessagePack.`,
  })

/**
 * Fills `target` with the bytes that `text` stands for; false where it is no lower-case
 * hexadecimal of exactly so many.
 */
const fill = (target: Uint8Array, text: string): boolean => {
  const bytes = target.byteLength
  if (text.length !== 2 * bytes) return false
  // Negative as soon as one digit is.
  let found = 0
  for (let at = 0; at < bytes; at++) {
    const high = DIGIT_VALUES[text.charCodeAt(2 * at)] ?? -1
    const low = DIGIT_VALUES[text.charCodeAt(2 * at + 1)] ?? -1
    found |= high | low
    target[at] = (high << 4) | low
  }
  return found >= 0
}

/** Makes bytes of a field's texts. The same text again, as in facts of one model, costs nothing. */
export class HexadecimalField {
  readonly #bytes: Uint8Array
  #text: string | undefined

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /**
   * In memory that the next call writes to; undefined unless it is lower-case hexadecimal of so
   * many bytes.
   */
  bytesOf(text: unknown): Uint8Array | undefined {
    if (typeof text !== "string") return undefined
    if (text !== this.#text) this.#text = fill(this.#bytes, text) ? text : undefined
    return this.#text === undefined ? undefined : this.#bytes
  }
}
