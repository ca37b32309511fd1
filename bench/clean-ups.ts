// What a bench has started and made, and how each is undone: by the bench itself where all goes
// well, by a signal's handler where it does not. Nothing begins once the end has begun.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CommandFailed } from "../cli/command.ts"

const held = new Set<() => Promise<void>>()
let isEnding = false

export interface Held<Made> {
  readonly made: Made
  /** Undoes it, once; resolves when it is undone, whoever began with it. */
  readonly undo: () => Promise<void>
}

/**
 * Makes something that is undone at the latest when the bench ends. What takes time to make is a
 * promise, which `undo` waits for.
 *
 * @throws CommandFailed when the bench is ending.
 */
export const hold = <Made>(make: () => Made, undo: (made: Made) => unknown): Held<Made> => {
  if (isEnding) throw new CommandFailed("the bench is ending")
  const made = make()
  let undone: Promise<void> | undefined
  const undoOnce = async () => {
    held.delete(undoNow)
    await undo(made)
  }
  const undoNow = () => (undone ??= undoOnce())
  held.add(undoNow)
  return { made, undo: undoNow }
}

/** A temporary folder whose name begins with `prefix`. */
export const holdFolder = (prefix: string): Held<string> =>
  hold(
    () => mkdtempSync(join(tmpdir(), prefix)),
    (folder) => rmSync(folder, { recursive: true, force: true }),
  )

/** Undoes all that is held, the latest first; says what could not be, and goes on. */
export const undoAll = async (say: (line: string) => void): Promise<void> => {
  isEnding = true
  for (const undo of [...held].toReversed())
    await undo().catch((cause: unknown) => say(String(cause)))
}
