// Dead letters for people and for programs.
import type { Retry, StoredLetter } from "#core/log/dead-letters"
import { bytesText, fields, shorten, table, timeText } from "../table.ts"

const MESSAGE_SHOWN_CHARACTERS = 60
const PAYLOAD_SHOWN_CHARACTERS = 400

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** The payload as text, or undefined when it is none. */
const textOf = (payload: Uint8Array): string | undefined => {
  try {
    return utf8.decode(payload)
  } catch {
    return undefined
  }
}

/** A letter in the form for programs, without its payload. */
export const letterDocument = ({ letter, sequence }: StoredLetter) => {
  const { payload, ...rest } = letter
  return { ...rest, bytes: payload.byteLength, sequence }
}

/** The same with the payload, and with the retries that the log knows. */
export const letterWhole = (stored: StoredLetter, retries: ReadonlyArray<Retry>) => {
  const { payload } = stored.letter
  const text = textOf(payload)
  return {
    ...letterDocument(stored),
    ...(text === undefined
      ? { payloadBase64: Buffer.from(payload).toString("base64") }
      : { payload: text }),
    retries,
  }
}

export const lettersText = (letters: ReadonlyArray<StoredLetter>): string =>
  letters.length === 0
    ? "there are no dead letters"
    : table(
        [
          { name: "ID" },
          { name: "MODEL" },
          { name: "DIED" },
          { name: "REASON" },
          { name: "DELIVERIES", align: "right" },
          { name: "SIZE", align: "right" },
          { name: "MESSAGE" },
        ],
        letters.map(({ letter }) => [
          letter.id,
          letter.model,
          timeText(letter.diedAt),
          letter.reason,
          `${letter.deliveries}`,
          bytesText(letter.payload.byteLength),
          shorten(letter.message, MESSAGE_SHOWN_CHARACTERS),
        ]),
      )

export const letterText = (stored: StoredLetter, retries: ReadonlyArray<Retry>): string => {
  const { letter } = stored
  const text = textOf(letter.payload)
  const payload =
    text === undefined
      ? `${bytesText(letter.payload.byteLength)}, not text`
      : shorten(text, PAYLOAD_SHOWN_CHARACTERS)
  return [
    fields([
      ["id", letter.id],
      ["model", letter.model],
      ["reason", letter.reason],
      ["message", letter.message],
      ["stored", timeText(letter.storedAt)],
      ["died", timeText(letter.diedAt)],
      ["deliveries", `${letter.deliveries}`],
      ["payload", payload],
    ]),
    ...(Object.keys(letter.headers).length === 0
      ? []
      : ["headers", fields(Object.entries(letter.headers), "  ")]),
    ...retries.map(({ id, state }) => `retried as ${id}: ${state}`),
  ].join("\n")
}
