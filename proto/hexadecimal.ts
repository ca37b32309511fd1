// Bytes that are hexadecimal text wherever they are shown or compared, and bytes where they are
// stored, since that is half as long. A layout says of which fields of a record this is so.
import { Schema } from "effect"

const formOf = (bytes: number) => new RegExp(`^[0-9a-f]{${2 * bytes}}$`, "u")

/** Text of two digits for each byte, in lower case: what is equal is then written alike. */
export const hexadecimal = (bytes: number) =>
  Schema.String.check(Schema.isPattern(formOf(bytes))).annotate({
    description: `Hexadecimal in JSON, \`bin\` of ${bytes} bytes in MessagePack.`,
  })

/** Makes bytes of a field's texts. The same text again, as in facts of one model, costs nothing. */
export class HexadecimalField {
  readonly #bytes: Buffer
  readonly #form: RegExp
  #text: string | undefined

  constructor(bytes: number) {
    this.#bytes = Buffer.alloc(bytes)
    this.#form = formOf(bytes)
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
    if (text === this.#text) return this.#bytes
    if (!this.#form.test(text)) return undefined
    this.#bytes.write(text, "hex")
    this.#text = text
    return this.#bytes
  }
}
