// Where the project's own files are, wherever the command was called from.
import { join } from "node:path"

export const projectFolder = join(import.meta.dir, "..")

/** A path inside the project. */
export const inProject = (...parts: ReadonlyArray<string>): string => join(projectFolder, ...parts)
