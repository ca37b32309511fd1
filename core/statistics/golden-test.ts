// A test over one file of golden vectors: skipped by name where another folder is named that does
// not hold the file. What was not compared is never counted as passed.
import { test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { checkGoldenFolder } from "./golden-folder.ts"

/** @throws Error when the folder that is named is not there. */
export const goldenTest = (
  file: string,
  folder: string | undefined,
  name: string,
  compare: () => void,
): void => {
  checkGoldenFolder(folder)
  const isLeftOut = folder !== undefined && !existsSync(join(folder, file))
  if (isLeftOut) test.skip(`${name} (${file}: not in the folder given)`, compare)
  else test(name, compare)
}
