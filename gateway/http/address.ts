// The addresses of answers, and what their parameters say.
import { FORMS, type Form } from "./respond.ts"
import { refuse, type Refusal } from "./status.ts"

/** Value of a query parameter; addresses without one are not parsed. */
export const queryValue = (request: Request, name: string): string | undefined => {
  const start = request.url.indexOf("?")
  if (start === -1) return undefined
  return new URLSearchParams(request.url.slice(start + 1)).get(name) ?? undefined
}

/** The parameters of an address; a map costs each request six times as much as these few need. */
export class Query {
  readonly #values: Record<string, string> = {}

  get(name: string): string | undefined {
    return this.#values[name]
  }

  /** Adds a parameter, or says why not. */
  take(names: ReadonlyArray<string>, name: string, value: string): Refusal | undefined {
    if (!names.includes(name)) {
      const got = JSON.stringify(name.slice(0, 80))
      return refuse("invalid", `query: expected ${names.join(" or ")}, got ${got}`)
    }
    if (Object.hasOwn(this.#values, name))
      return refuse("invalid", `${name}: expected one, got several`)
    this.#values[name] = value
    return undefined
  }
}

const NO_QUERY = new Query()

/** Parameters that read as they are written: nothing in them is encoded. */
const PLAIN = /^[\w.&=-]*$/

/** As URLSearchParams reads it, which costs a request more than all else of its address. */
const readPlain = (text: string, names: ReadonlyArray<string>): Query | Refusal => {
  const found = new Query()
  let start = 0
  while (start < text.length) {
    const next = text.indexOf("&", start)
    const end = next === -1 ? text.length : next
    const equals = text.indexOf("=", start)
    const nameEnd = equals === -1 || equals > end ? end : equals
    if (end > start) {
      const wrong = found.take(names, text.slice(start, nameEnd), text.slice(nameEnd + 1, end))
      if (wrong !== undefined) return wrong
    }
    start = end + 1
  }
  return found
}

/** The parameters of an address, each of them one of `names` and there once. */
export const readQuery = (request: Request, names: ReadonlyArray<string>): Query | Refusal => {
  const { url } = request
  const start = url.indexOf("?")
  if (start === -1) return NO_QUERY
  const text = url.slice(start + 1)
  if (PLAIN.test(text)) return readPlain(text, names)
  const found = new Query()
  for (const [name, value] of new URLSearchParams(text)) {
    const wrong = found.take(names, name, value)
    if (wrong !== undefined) return wrong
  }
  return found
}

/** Where an answer is fetched; the address remembers in which form it was asked for. */
export const predictionAddress = (model: string, id: string, form: Form): string =>
  `/v2/models/${model}/predictions/${id}${form === "tensors" ? "" : `?form=${form}`}`

/** The form that an address of an answer names; tensors where it names none. */
export const formOf = (query: Query): Form | Refusal => {
  const given = query.get("form") ?? "tensors"
  const form = FORMS.find((known) => known === given)
  if (form !== undefined) return form
  return refuse("invalid", `form: expected ${FORMS.join(" or ")}, got "${given.slice(0, 80)}"`)
}

/** A position from a header or parameter; undefined where there is none. */
export const positionOf = (
  name: string,
  value: string | null | undefined,
): number | undefined | Refusal => {
  if (value === null || value === undefined || value === "") return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  return refuse("invalid", `${name}: expected a position, got "${value.slice(0, 80)}"`)
}
