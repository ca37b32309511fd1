// A CSV file as what `weir drift` compares windows with, read as the monitor reads it.
import { writeReference } from "#core/drift/reference"
import type { PastReference } from "#core/findings/past-windows"
import { readFileTable, type FileQuestion } from "#core/findings/references"
import { reasonOf } from "#core/service/logger"
import { CommandFailed } from "../command.ts"

/** @throws CommandFailed naming the file and what is wrong with it. */
export const readFileReference = async (
  question: FileQuestion,
  path: string,
): Promise<PastReference> => {
  const table = await readFileTable(question, path).catch((cause: unknown) => {
    throw new CommandFailed(`the reference ${path} cannot be used: ${reasonOf(cause)}`)
  })
  const origin = `file ${path}`
  const named = { model: question.model, origin, asked: "" }
  return { table, origin, digest: writeReference(table, named).digest }
}
