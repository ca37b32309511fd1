// Whether the folders of `weir up` can be used, asked before anything is started in them. It makes
// the data folder when it is missing, and nothing else.
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { reasonOf } from "#core/service/logger"
import { CommandFailed } from "../command.ts"

/** Requests and answers are nobody else's to read. */
const FOLDER_MODE = 0o700

const unusable = (folder: string): string | undefined => {
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is not a folder`
    readdirSync(folder)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (cause) {
    return `${folder} cannot be read and written: ${reasonOf(cause)}`
  }
}

/** Why the data folder, or what of the log is in it, cannot be used; undefined when all is well. */
export const dataFolderTrouble = (dataFolder: string): string | undefined => {
  let nearest = dataFolder
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest)
  if (nearest !== dataFolder) return unusable(nearest)
  const log = join(dataFolder, "nats")
  for (const folder of [dataFolder, log, join(log, "store")]) {
    const trouble = existsSync(folder) ? unusable(folder) : undefined
    if (trouble !== undefined) return trouble
  }
  return undefined
}

/** @throws CommandFailed with a sentence when the folder cannot be made or used. */
export const makeDataFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
  } catch (cause) {
    throw new CommandFailed(`--data ${folder}: the folder cannot be made: ${reasonOf(cause)}`)
  }
  const trouble = dataFolderTrouble(folder)
  if (trouble !== undefined) throw new CommandFailed(`--data: ${trouble}`)
}
