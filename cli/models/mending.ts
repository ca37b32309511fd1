// What stands in the way of a model's releases, for people and for programs.
import type { UnreadableMessage } from "#core/registry/mend"
import { bytesText, shorten, table, timeText } from "../table.ts"

const REASON_SHOWN_CHARACTERS = 80

export const mendDocument = (
  model: string,
  messages: ReadonlyArray<UnreadableMessage>,
  removed: ReadonlyArray<number>,
) => ({
  model,
  unreadable: messages.map(({ firstBytes, ...message }) => ({
    ...message,
    firstBytesBase64: Buffer.from(firstBytes).toString("base64"),
  })),
  removed,
})

const tableOf = (messages: ReadonlyArray<UnreadableMessage>): string =>
  table(
    [
      { name: "SEQUENCE", align: "right" },
      { name: "STORED" },
      { name: "SIZE", align: "right" },
      { name: "FIRST BYTES" },
      { name: "WHY" },
    ],
    messages.map(({ sequence, storedAt, bytes, firstBytes, reason }) => [
      `${sequence}`,
      timeText(storedAt),
      bytesText(bytes),
      JSON.stringify(new TextDecoder().decode(firstBytes)),
      shorten(reason, REASON_SHOWN_CHARACTERS),
    ]),
  )

/** `removed` is undefined where nothing was to be removed. */
export const mendText = (
  model: string,
  messages: ReadonlyArray<UnreadableMessage>,
  removed: ReadonlyArray<number> | undefined,
): string => {
  if (messages.length === 0) return `every release fact of ${model} can be read`
  const end =
    removed === undefined
      ? `nothing is removed; ./weir models mend ${model} --yes removes these for good`
      : `removed from the events of ${model}: ${removed.join(", ") || "none, they were gone"}`
  return [tableOf(messages), "", end].join("\n")
}
