// Where golden vectors are read from: the project's own, or a folder of the same form that whoever
// runs the tests names. One that is not there is refused: nothing would be compared.
import { statSync } from "node:fs"

/** What is wrong with the folder that `WEIR_GOLDEN` names, if anything. */
export const goldenFolderFault = (folder: string | undefined): string | undefined => {
  if (folder === undefined) return undefined
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return undefined
  return `WEIR_GOLDEN: ${found === undefined ? "no folder" : "not a folder:"} ${folder}`
}

/** @throws Error when the folder that is named is not there. */
export const checkGoldenFolder = (folder: string | undefined): void => {
  const fault = goldenFolderFault(folder)
  if (fault !== undefined) throw new Error(fault)
}
