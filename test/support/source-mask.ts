// TypeScript source with its comments, and if wanted its strings, turned into spaces, so that rules
// can be checked by pattern. Lines and columns stay where they were. It knows tokens, not syntax.

export interface Masked {
  /** Without comments. */
  readonly code: string
  /** Without comments, and without what stands in strings, templates and regular expressions. */
  readonly bare: string
}

const blank = (text: string): string => text.replaceAll(/[^\n]/gu, " ")

/**
 * After one of these a slash begins a regular expression; after a name or a closing bracket it
 * divides.
 */
const BEFORE_REGEX =
  /(^|[=(,:;!&|?{}[+\-*%~^<>]|\b(return|typeof|case|in|of|yield|await|else))\s*$/u

const endOfString = (source: string, start: number): number => {
  const quote = source[start]
  let at = start + 1
  while (at < source.length && source[at] !== quote && source[at] !== "\n")
    at += source[at] === "\\" ? 2 : 1
  return at + 1
}

const endOfRegex = (source: string, start: number): number => {
  let at = start + 1
  let inClass = false
  while (at < source.length && source[at] !== "\n" && (inClass || source[at] !== "/")) {
    if (source[at] === "[") inClass = true
    if (source[at] === "]") inClass = false
    at += source[at] === "\\" ? 2 : 1
  }
  return at + 1
}

/** The literal parts of a template end at its closing quote or where code begins. */
const endOfTemplatePart = (source: string, start: number): number => {
  let at = start
  while (at < source.length && source[at] !== "`" && !source.startsWith("${", at))
    at += source[at] === "\\" ? 2 : 1
  return at
}

export const mask = (source: string): Masked => {
  let code = ""
  let bare = ""
  let at = 0
  /** For each template that is open: how many braces are open in its code. */
  const templates: Array<number> = []
  const copy = (end: number) => {
    code += source.slice(at, end)
    bare += source.slice(at, end)
    at = end
  }
  const hide = (end: number) => {
    code += source.slice(at, end)
    bare += blank(source.slice(at, end))
    at = end
  }
  const drop = (end: number) => {
    code += blank(source.slice(at, end))
    bare += blank(source.slice(at, end))
    at = end
  }
  const template = () => {
    hide(endOfTemplatePart(source, at))
    if (source[at] === "`") {
      hide(at + 1)
      return
    }
    hide(Math.min(at + 2, source.length))
    templates.push(0)
  }
  const end = (found: number) => (found === -1 ? source.length : found)
  while (at < source.length) {
    const character = source[at]
    const open = templates.at(-1)
    if (source.startsWith("//", at)) drop(end(source.indexOf("\n", at)))
    else if (source.startsWith("/*", at)) drop(end(source.indexOf("*/", at)) + 2)
    else if (character === '"' || character === "'") hide(endOfString(source, at))
    else if (character === "/" && BEFORE_REGEX.test(bare.slice(-40))) hide(endOfRegex(source, at))
    else if (character === "`") {
      hide(at + 1)
      template()
    } else if (character === "}" && open === 0) {
      templates.pop()
      hide(at + 1)
      template()
    } else {
      if (open !== undefined && character === "{") templates.push((templates.pop() ?? 0) + 1)
      if (open !== undefined && character === "}") templates.push((templates.pop() ?? 0) - 1)
      copy(at + 1)
    }
  }
  return { code, bare }
}
