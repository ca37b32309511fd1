// Reading JSON text where the parsed value no longer tells: keys that were written twice, and where
// in the text a value stands. Every function takes text that JSON.parse has accepted; none checks
// it again.

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9

const skipSpace = (text: string, from: number): number => {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** The position behind the string whose opening quote is at `from`. */
const skipString = (text: string, from: number): number => {
  let at = from
  for (;;) {
    at = text.indexOf('"', at + 1)
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at + 1
  }
}

/** The position behind the value that begins at `from`. */
const skipValue = (text: string, from: number): number => {
  let at = from
  let depth = 0
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = skipString(text, at) - 1
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      if (depth === 0) return at
      depth--
    } else if (code === COMMA && depth === 0) return at
  }
  return at
}

const keyBetween = (text: string, from: number, to: number): string => {
  const key = text.slice(from + 1, to - 1)
  return key.includes("\\") ? String(JSON.parse(text.slice(from, to))) : key
}

/** Where the value of the first member `key` begins, in the object that opens at `from`. */
export const memberStart = (text: string, from: number, key: string): number | undefined => {
  let at = skipSpace(text, from + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const end = skipString(text, at)
    const value = skipSpace(text, skipSpace(text, end) + 1)
    if (keyBetween(text, at, end) === key) return value
    at = skipSpace(text, skipSpace(text, skipValue(text, value)) + 1)
  }
  return undefined
}

/**
 * Where element `index` begins, in the array that opens at `from` and has more than `index`
 * elements.
 */
export const elementStart = (text: string, from: number, index: number): number => {
  let at = skipSpace(text, from + 1)
  for (let passed = 0; passed < index; passed++) {
    at = skipSpace(text, skipValue(text, at) + 1)
  }
  return at
}

export const bodyStart = (text: string): number => skipSpace(text, 0)

const findRepeatedKey = (text: string): string | undefined => {
  // One entry for each open bracket: the keys of an object, nothing for an array.
  const open: Array<Set<string> | undefined> = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN_OBJECT) open.push(new Set())
    else if (code === OPEN_ARRAY) open.push(undefined)
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) open.pop()
    else if (code === QUOTE) {
      const end = skipString(text, at)
      const keys = open.at(-1)
      if (keys !== undefined && text.charCodeAt(skipSpace(text, end)) === COLON) {
        const key = keyBetween(text, at, end)
        if (keys.has(key)) return key
        keys.add(key)
      }
      at = end - 1
    }
  }
  return undefined
}

/**
 * A key that an object of the body has twice: JSON.parse keeps the last one without a word. `keys`
 * is how many keys the parsed body has: as many colons prove that none repeats, and only more
 * (colons in strings, keys that were not counted) cost the scan of the whole text.
 */
export const repeatedKey = (text: string, keys: number): string | undefined => {
  let colons = 0
  for (let at = text.indexOf(":"); at !== -1; at = text.indexOf(":", at + 1)) {
    colons++
    if (colons > keys) return findRepeatedKey(text)
  }
  return undefined
}
