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
