// The quality of a model as one page of HTML that needs nothing else.
import { cellsOf, estimateText, type NamedGroup } from "./text.ts"

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}
const escape = (text: string): string => text.replace(/[&<>"']/gu, (found) => ESCAPES[found] ?? "")

const STYLE = `body{font:14px system-ui,sans-serif;margin:2em auto;max-width:80em;color:#222}
table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #ddd}
td+td,th+th{text-align:right;font-variant-numeric:tabular-nums}caption{text-align:left}`

const ofTable = (title: string, groups: ReadonlyArray<NamedGroup>): string => {
  const { columns, cells } = cellsOf(groups)
  const row = (tag: "th" | "td", texts: ReadonlyArray<string>) =>
    `<tr>${texts.map((text) => `<${tag}>${escape(text)}</${tag}>`).join("")}</tr>`
  const head = row(
    "th",
    columns.map(({ name }) => name),
  )
  const body = cells.map((one) => row("td", one)).join("")
  return `<h2>${escape(title)}</h2><table>${head}${body}</table>`
}

export interface PageInput {
  readonly model: string
  readonly range: string
  readonly sections: ReadonlyArray<readonly [title: string, groups: ReadonlyArray<NamedGroup>]>
}

export const performancePage = ({ model, range, sections }: PageInput): string => {
  const note = estimateText(sections[0]?.[1][0]?.group)
  const parts = sections.map(([title, groups]) => ofTable(title, groups)).join("\n")
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<title>${escape(model)}: performance</title><style>${STYLE}</style>
<h1>${escape(model)}</h1><p>${escape(range)}</p>
${parts}
<p>${escape(note)}</p></html>
`
}
