// Dead letters for people and for programs.
import type { FoundLetter, Retry, StoredLetter, UnreadableLetter } from "#core/log/dead-letters"
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

/** What `dead` says as the reason of a letter that cannot be read. */
const UNREADABLE = "unreadable"

const unreadableDocument = ({ model, id, reason, storedAt, data, sequence }: UnreadableLetter) => ({
  model,
  id,
  reason: UNREADABLE,
  message: reason,
  storedAt,
  bytes: data.byteLength,
  sequence,
})

/** A letter in the form for programs, without its payload. */
export const letterDocument = (found: FoundLetter) => {
  if (found.kind === "unreadable") return unreadableDocument(found)
  const { payload, ...rest } = found.letter
  return { ...rest, bytes: payload.byteLength, sequence: found.sequence }
}

/**
 * The same with the payload, or all that is stored where it cannot be told apart, and with the
 * retries that the log knows.
 */
export const letterWhole = (stored: FoundLetter, retries: ReadonlyArray<Retry>) => {
  const payload = stored.kind === "read" ? stored.letter.payload : stored.data
  const text = textOf(payload)
  return {
    ...letterDocument(stored),
    ...(text === undefined
      ? { payloadBase64: Buffer.from(payload).toString("base64") }
      : { payload: text }),
    retries,
  }
}

const readRow = ({ letter }: StoredLetter): ReadonlyArray<string> => [
  letter.id,
  letter.model,
  timeText(letter.diedAt),
  letter.reason,
  `${letter.deliveries}`,
  bytesText(letter.payload.byteLength),
  shorten(letter.message, MESSAGE_SHOWN_CHARACTERS),
]

const unreadableRow = (found: UnreadableLetter): ReadonlyArray<string> => [
  found.id,
  found.model,
  timeText(found.storedAt),
  UNREADABLE,
  "-",
  bytesText(found.data.byteLength),
  shorten(`sequence ${found.sequence}: ${found.reason}`, MESSAGE_SHOWN_CHARACTERS),
]

export const lettersText = (letters: ReadonlyArray<FoundLetter>): string =>
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
        letters.map((found) => (found.kind === "read" ? readRow(found) : unreadableRow(found))),
      )

const payloadText = (payload: Uint8Array): string => {
  const text = textOf(payload)
  return text === undefined
    ? `${bytesText(payload.byteLength)}, not text`
    : shorten(text, PAYLOAD_SHOWN_CHARACTERS)
}

const unreadableText = (found: UnreadableLetter): string =>
  fields([
    ["id", found.id],
    ["model", found.model],
    ["reason", `${UNREADABLE}: ${found.reason}`],
    ["stored", timeText(found.storedAt)],
    ["sequence", `${found.sequence}`],
    ["size", bytesText(found.data.byteLength)],
    ["bytes", payloadText(found.data)],
    ["remedy", `./weir dead drop ${found.id} removes it`],
  ])

export const letterText = (stored: FoundLetter, retries: ReadonlyArray<Retry>): string => {
  if (stored.kind === "unreadable") return unreadableText(stored)
  const { letter } = stored
  return [
    fields([
      ["id", letter.id],
      ["model", letter.model],
      ["reason", letter.reason],
      ["message", letter.message],
      ["stored", timeText(letter.storedAt)],
      ["died", timeText(letter.diedAt)],
      ["deliveries", `${letter.deliveries}`],
      ["payload", payloadText(letter.payload)],
    ]),
    ...(Object.keys(letter.headers).length === 0
      ? []
      : ["headers", fields(Object.entries(letter.headers), "  ")]),
    ...retries.map(({ id, state }) => `retried as ${id}: ${state}`),
  ].join("\n")
}
