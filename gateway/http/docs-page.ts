// The OpenAPI document as a page for people: one file, no scripts, nothing loaded from anywhere.
import type { OpenApi } from "./openapi.ts"

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
    color: #1a1a1a; background: #fff }
  h1 { margin-bottom: 0 } details { border-top: 1px solid #ccc; padding: .6rem 0 }
  summary { cursor: pointer } code, pre { font: 13px/1.4 ui-monospace, monospace }
  pre { background: #f4f4f4; padding: .6rem; overflow-x: auto } td { padding-right: 1rem }
  .method { display: inline-block; min-width: 3.5rem; font-weight: bold }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 }
    pre { background: #262626 } details { border-color: #444 } a { color: #8ab4f8 } }`

/** The parts of an operation are whatever the document holds; each is shown as it stands. */
const block = (title: string, value: unknown): string =>
  value === undefined || (Array.isArray(value) && value.length === 0)
    ? ""
    : `<h4>${title}</h4><pre>${escaped(JSON.stringify(value, undefined, 2))}</pre>`

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parametersTable = (parameters: unknown): string => {
  if (!Array.isArray(parameters) || parameters.length === 0) return ""
  const rows = parameters.filter(isRecord).map((parameter) => {
    const cell = (key: string) => escaped(String(parameter[key] ?? ""))
    const { name, place, about } = {
      name: cell("name"),
      place: cell("in"),
      about: cell("description"),
    }
    return `<tr><td><code>${name}</code></td><td>${place}</td><td>${about}</td></tr>`
  })
  return `<h4>Parameters</h4><table>${rows.join("")}</table>`
}

const responsesList = (responses: unknown): string => {
  if (!isRecord(responses)) return ""
  const lines = Object.entries(responses).map(([status, response]) => {
    const about = isRecord(response) ? String(response["description"] ?? "") : ""
    return `<tr><td><code>${status}</code></td><td>${escaped(about)}</td></tr>`
  })
  return `<h4>Answers</h4><table>${lines.join("")}</table>`
}

/** Alternatives that differ only in how the key is sent are one. */
const keyText = (security: unknown): string => {
  const all = Array.isArray(security) ? security.filter(isRecord) : []
  if (all.length === 0) return ""
  const scopes = new Set(all.flatMap((one) => Object.values(one).map(String)))
  const named = [...scopes].filter((scope) => scope !== "")
  const text = named.length === 0 ? "any" : `one with the scope ${named.join(" or ")}`
  return `<p>Key, where keys are asked for: ${escaped(text)}</p>`
}

const operationHtml = (path: string, method: string, operation: Record<string, unknown>): string =>
  [
    `<details id="${escaped(String(operation["operationId"]))}"><summary>`,
    `<span class="method">${method.toUpperCase()}</span> <code>${escaped(path)}</code> `,
    `${escaped(String(operation["summary"]))}</summary>`,
    keyText(operation["security"]),
    parametersTable(operation["parameters"]),
    block("Takes", operation["requestBody"]),
    responsesList(operation["responses"]),
    "</details>",
  ].join("")

export const docsPage = (document: OpenApi): string => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      operationHtml(path, method, { ...operation }),
    ),
  )
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Weir</title>',
    '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">',
    `<style>${STYLE}</style><h1>Weir</h1>`,
    '<p>Made from <a href="/openapi.json">openapi.json</a>, which is made from the routes.</p>',
    ...operations,
    block("Schemas", document["components"]),
    "</html>",
  ].join("\n")
}
