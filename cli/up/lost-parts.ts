// Which part `weir up` goes on without, noted in the data folder: what a later `weir doctor` reads.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const fileOf = (dataFolder: string): string => join(dataFolder, "given-up")

/** Notes the part that is given up; `undefined` where none is. */
export const noteLost = (dataFolder: string, name: string | undefined): void => {
  if (name === undefined) rmSync(fileOf(dataFolder), { force: true })
  else writeFileSync(fileOf(dataFolder), `${name}\n`)
}

/** The part that is given up; `undefined` where all run. */
export const lostPart = (dataFolder: string): string | undefined =>
  existsSync(fileOf(dataFolder)) ? readFileSync(fileOf(dataFolder), "utf8").trim() : undefined
