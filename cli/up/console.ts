// How `weir up` speaks: events as sentences, and the parts' lines with their names in front on a
// terminal. Away from a terminal the parts' own lines go through unchanged, so that JSON logs stay
// JSON.
import { fromSources } from "../programs/start-service.ts"
import { describeExit } from "./child.ts"
import type { SupervisorEvent } from "./supervisor.ts"

const COLOURS = [36, 33, 35, 32, 34]
/** Longest name of a part: `predictor-16`. */
const NAME_WIDTH = 12

export interface Console {
  readonly say: (text: string) => void
  readonly line: (part: string, line: string) => void
  readonly event: (event: SupervisorEvent) => void
}

/** The event as a sentence, or undefined when nobody needs to know. */
export const describeEvent = (event: SupervisorEvent): string | undefined => {
  switch (event.type) {
    case "started":
      return undefined
    case "ended":
      return `${event.name} ended (${describeExit(event.exit)}), starts again in `.concat(
        `${event.startAgainInMillis} ms`,
      )
    case "fromSources":
      return fromSources(event.name, event.reason)
    case "notStarted":
      return `${event.name} could not be started: ${event.reason}`
    case "gaveUp":
      return `${event.name} ended ${event.ends} times in a row and is given up; its lines say why`
    case "hopeless":
      return `${event.name} refuses its configuration (${describeExit(event.exit)}); `.concat(
        "its lines say why",
      )
    case "stopped":
      return `${event.name} stopped (${describeExit(event.exit)})`
  }
}

/** `write` takes whole lines without their ends. */
export const upConsole = (write: (line: string) => void, isTerminal: boolean): Console => {
  const colours = new Map<string, number>()
  const prefix = (part: string) => {
    const colour = colours.get(part) ?? COLOURS[colours.size % COLOURS.length] ?? 0
    colours.set(part, colour)
    return `\u001b[${colour}m${part.padEnd(NAME_WIDTH)}\u001b[0m `
  }
  const say = (text: string) => write(`weir: ${text}`)
  return {
    say,
    line: (part, line) => write(isTerminal ? prefix(part) + line : line),
    event: (event) => {
      const text = describeEvent(event)
      if (text !== undefined) say(text)
    },
  }
}
