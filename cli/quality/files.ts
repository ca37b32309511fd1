// Tables and suites from files, and what is wrong with a file as a sentence.
import { readFile } from "node:fs/promises"
import { Schema } from "effect"
import { CsvRefused, tableFromCsv, TableSchema } from "#core/quality/csv"
import { ParquetRefused, tableFromParquet } from "#core/quality/parquet"
import { parseToolFile } from "#core/quality/python-json"
import type { Table } from "#core/quality/table"
import { CommandFailed } from "../command.ts"

export const readBytes = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    throw new CommandFailed(`cannot read ${path}: ${code}`)
  }
}

export const readText = async (path: string): Promise<string> =>
  new TextDecoder().decode(await readBytes(path))

export const readJson = async (path: string): Promise<unknown> => {
  const text = await readText(path)
  try {
    return parseToolFile(text)
  } catch {
    throw new CommandFailed(`${path} is not JSON`)
  }
}

const decodeSchema = Schema.decodeUnknownSync(TableSchema)

const readSchema = async (path: string | undefined): Promise<TableSchema | undefined> => {
  if (path === undefined) return undefined
  const json = await readJson(path)
  try {
    return decodeSchema(json)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandFailed(`${path}: ${reason.replace(/\s*\n\s*/g, " ")}`)
  }
}

export const readCsv = async (path: string, schemaPath: string | undefined): Promise<Table> => {
  const text = await readText(path)
  const schema = await readSchema(schemaPath)
  try {
    const table = tableFromCsv(text, schema)
    if (table.rows === 0)
      throw new CommandFailed(`${path}: no row behind its head: nothing to judge`)
    return table
  } catch (error) {
    throw error instanceof CsvRefused ? new CommandFailed(`${path}: ${error.message}`) : error
  }
}

export const readParquet = async (path: string): Promise<Table> => {
  const { buffer } = await readBytes(path)
  try {
    const { table, leftOut } = await tableFromParquet(buffer)
    if (leftOut.length > 0)
      console.error(`${path}: left out, since no cells: ${leftOut.join(", ")}`)
    return table
  } catch (error) {
    throw error instanceof ParquetRefused ? new CommandFailed(`${path}: ${error.message}`) : error
  }
}
