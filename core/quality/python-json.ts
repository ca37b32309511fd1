// JSON as Python reads and writes it: NaN and infinities stand in it as bare words.

/** Strings, and the three words that Python knows and JSON does not. */
const WORD = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs

/**
 * Parses JSON in which bare NaN, Infinity and -Infinity become what `replacement` says, as JSON.
 *
 * @throws SyntaxError
 */
export const parsePythonJson = (text: string, replacement: (word: string) => string): unknown =>
  JSON.parse(text.replace(WORD, (found) => (found.startsWith('"') ? found : replacement(found))))

/** A file of the tool: infinities stay as the words that bounds and bins may be. */
export const parseToolFile = (text: string): unknown =>
  parsePythonJson(text, (word) => (word === "NaN" ? "null" : `"${word}"`))

const INDENT = "  "

/**
 * JSON as the tool writes it, indented: infinities are bare words, which JSON has none for, and NaN
 * is null.
 */
export const writeToolJson = (value: unknown, margin = ""): string => {
  if (value === Infinity || value === -Infinity) return String(value)
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const inner = margin + INDENT
  const parts = Array.isArray(value)
    ? value.map((one) => writeToolJson(one, inner))
    : Object.entries(value)
        .filter(([, one]) => one !== undefined)
        .map(([key, one]) => `${JSON.stringify(key)}: ${writeToolJson(one, inner)}`)
  const [open, close] = Array.isArray(value) ? "[]" : "{}"
  if (parts.length === 0) return `${open}${close}`
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${margin}${close}`
}
