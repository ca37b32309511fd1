// Reads what one `bun test` run reported as JUnit XML: how many, and which were skipped. It knows
// the dialect that Bun writes and refuses anything else.

export interface Report {
  readonly passed: number
  readonly failed: number
  /** Names of the skipped tests; a reason stands in the name. */
  readonly skipped: ReadonlyArray<string>
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&#10;": "\n",
  "&amp;": "&",
}

const decodeText = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|apos|#10|amp);/g, (entity) => ENTITIES[entity] ?? entity)

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]

const count = (attributes: string, name: string): number => {
  const text = attribute(attributes, name)
  if (text === undefined || !/^\d+$/.test(text)) {
    throw new Error(`JUnit report: <testsuites> has no number "${name}"`)
  }
  return Number(text)
}

/** @throws Error when the text is not a report that Bun wrote to its end. */
export const readReport = (xml: string): Report => {
  const root = /<testsuites ([^>]*)>/.exec(xml)?.[1]
  if (root === undefined || !xml.trimEnd().endsWith("</testsuites>")) {
    throw new Error("JUnit report: not a whole <testsuites> document")
  }
  const skipped = [...xml.matchAll(/<testcase ([^>]*[^/>])>\s*<skipped\b/g)].map(([, attributes]) =>
    [attribute(attributes ?? "", "classname"), attribute(attributes ?? "", "name")]
      .filter((part) => part !== undefined && part !== "")
      .map((part) => decodeText(part ?? ""))
      .join(" > "),
  )
  const failed = count(root, "failures")
  return { passed: count(root, "tests") - failed - count(root, "skipped"), failed, skipped }
}
