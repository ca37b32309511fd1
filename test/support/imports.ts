// What a source file imports, read from its import lines: type-only imports count, which a
// transpiler would drop.
import { dirname, join } from "node:path"
import { mask } from "./source-mask.ts"

const IMPORT =
  /(?:\b(?:import|export)\b[^"'`;]*?\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(["'])([^"'\n]+)\1/gmu

const ALIASES: ReadonlyArray<readonly [prefix: string, folder: string]> = [
  ["#proto/", "proto/"],
  ["#core/", "core/"],
]

/** A path in the repository (`core/log/log.ts`) or the name of a package (`effect`, `node:fs`). */
export type Imported = { readonly file: string } | { readonly package: string }

const resolve = (from: string, specifier: string): Imported => {
  const alias = ALIASES.find(([prefix]) => specifier.startsWith(prefix))
  if (alias !== undefined) return { file: `${alias[1]}${specifier.slice(alias[0].length)}.ts` }
  if (specifier.startsWith(".")) return { file: join(dirname(from), specifier) }
  const words = specifier.split("/")
  return { package: words.slice(0, specifier.startsWith("@") ? 2 : 1).join("/") }
}

/** Imports of the file at `path` (relative to the repository) with the text `source`. */
export const importsOf = (path: string, source: string): ReadonlyArray<Imported> => {
  const { code, bare } = mask(source)
  return [...code.matchAll(IMPORT)]
    .filter(({ index, 0: text }) => bare.slice(index, index + text.length).includes("port"))
    .map((match) => resolve(path, match[2] ?? ""))
}
