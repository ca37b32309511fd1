// Lines of a body that comes in parts: each at most so long, the rest of a longer one passed over.
// It holds one line and the part that came last, whatever the caller sends.

const TYPES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
])
export const NDJSON_TYPE = "application/x-ndjson"

export const isNdjson = (headers: Headers): boolean => {
  const type = headers.get("content-type")
  return type !== null && TYPES.has((type.split(";")[0] ?? "").trim().toLowerCase())
}

/** A line with its number, from 1; without text where it is too long or not UTF-8. */
export interface Line {
  readonly number: number
  readonly text: string | undefined
  readonly fault: "tooLong" | "notUtf8" | undefined
}

const NEWLINE = 10
const utf8 = new TextDecoder("utf-8", { fatal: true })

const lineOf = (number: number, bytes: Uint8Array | undefined): Line => {
  if (bytes === undefined) return { number, text: undefined, fault: "tooLong" }
  try {
    return { number, text: utf8.decode(bytes), fault: undefined }
  } catch {
    return { number, text: undefined, fault: "notUtf8" }
  }
}

/** Yields each line that is not blank; `limit` is in bytes. */
export async function* readLines(
  parts: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Line> {
  let number = 0
  /** Of the line that has not ended yet; undefined once it is too long. */
  let held: Array<Uint8Array> | undefined = []
  let size = 0
  const add = (bytes: Uint8Array) => {
    size += bytes.byteLength
    if (size > limit) held = undefined
    else held?.push(bytes)
  }
  const end = (): Line => {
    number++
    const line = lineOf(number, held && Buffer.concat(held))
    held = []
    size = 0
    return line
  }
  for await (const part of parts) {
    let from = 0
    for (let at = part.indexOf(NEWLINE); at !== -1; at = part.indexOf(NEWLINE, from)) {
      add(part.subarray(from, at))
      from = at + 1
      const line = end()
      if (line.text?.trim() !== "") yield line
    }
    add(part.subarray(from))
  }
  if (size === 0) return
  const line = end()
  if (line.text?.trim() !== "") yield line
}
