// The figures of the log for people and for programs.
import { bytesText, countText, durationText, fields, table } from "../table.ts"
import type { LogFigures, StreamFigures } from "./figures.ts"

const GAPS_SHOWN = 5

const limitsText = ({ messagesMax, bytesMax, ageMaxMillis }: StreamFigures): string =>
  [
    ...(messagesMax === undefined ? [] : [`${countText(messagesMax)} messages`]),
    ...(bytesMax === undefined ? [] : [bytesText(bytesMax)]),
    ...(ageMaxMillis === undefined ? [] : [durationText(ageMaxMillis)]),
  ].join(", ")

const fullText = ({ fullInMillis, full, refusesWhenFull }: StreamFigures): string => {
  if (full >= 1) return refusesWhenFull ? "full: refuses" : "full: drops the oldest"
  return Number.isFinite(fullInMillis) ? `in ${durationText(fullInMillis)}` : "-"
}

const rateText = (perSecond: number): string => {
  const text = perSecond < 10 ? perSecond.toFixed(1) : countText(Math.round(perSecond))
  return `${text}/s`
}

const percentText = (value: number): string => `${(value * 100).toFixed(value < 0.1 ? 2 : 0)} %`

const gapsText = ({ gaps }: LogFigures): string => {
  if (gaps.length === 0) return "none"
  const lost = gaps.reduce((sum, gap) => sum + gap.toPosition - gap.fromPosition + 1, 0)
  const shown = gaps
    .slice(0, GAPS_SHOWN)
    .map(({ fromPosition, toPosition }) => `${fromPosition} to ${toPosition}`)
  const more = gaps.length > GAPS_SHOWN ? ", …" : ""
  return `${countText(lost)} facts were never copied: positions ${shown.join(", ")}${more}`
}

export const figuresText = (figures: LogFigures): string => {
  const { queue, memoryBytes } = figures
  return [
    table(
      [
        { name: "STREAM" },
        { name: "MESSAGES", align: "right" },
        { name: "SIZE", align: "right" },
        { name: "FIRST", align: "right" },
        { name: "LAST", align: "right" },
        { name: "RATE", align: "right" },
        { name: "FULL", align: "right" },
        { name: "WILL BE FULL" },
        { name: "LIMITS" },
      ],
      figures.streams.map((stream) => [
        stream.name,
        countText(stream.messages),
        bytesText(stream.bytes),
        `${stream.firstSequence}`,
        `${stream.lastSequence}`,
        rateText(stream.messagesPerSecond),
        percentText(stream.full),
        fullText(stream),
        limitsText(stream),
      ]),
    ),
    fields([
      ["queue", `${countText(queue.pending)} to deliver, ${countText(queue.ackPending)} in work`],
      ["redelivered", countText(queue.redelivered)],
      ["parked", countText(queue.parked)],
      ["lag of the long log", `${countText(figures.lag)} facts`],
      ["gaps in the long log", gapsText(figures)],
      [
        "headroom",
        Number.isFinite(figures.headroomMillis)
          ? `${durationText(figures.headroomMillis)} at the present rate`
          : "not used up at the present rate",
      ],
      [
        "server memory",
        memoryBytes === undefined ? "not known here; name --monitor URL" : bytesText(memoryBytes),
      ],
    ]),
  ].join("\n\n")
}

/** JSON has no infinity: null stands for "never". */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

export const figuresDocument = (figures: LogFigures): unknown => ({
  ...figures,
  capacity: finite(figures.capacity),
  headroomMillis: finite(figures.headroomMillis),
  streams: figures.streams.map((stream) => ({
    ...stream,
    fullInMillis: finite(stream.fullInMillis),
  })),
})
