// Headers of a message as a list, and their form on the wire. The client's own headers object
// checks and copies each name several times over; that is dearer than everything else in a publish.

export type HeaderList = ReadonlyArray<readonly [name: string, value: string]>

const VERSION_LINE = "NATS/1.0\r\n"
const END_OF_LINE = "\r\n"
/** Printable ASCII without the colon. */
const NAME_FORM = /^[\x21-\x39\x3b-\x7e]+$/
const LINE_BREAK = /[\r\n]/

/**
 * The block of headers that stands before the payload of a message; "" for no headers.
 *
 * @throws Error for a name or a value that cannot stand in a header.
 */
export const headerBlock = (list: HeaderList): string => {
  if (list.length === 0) return ""
  let text = VERSION_LINE
  for (const [name, value] of list) {
    if (!NAME_FORM.test(name)) throw new Error(`not a name of a header: ${JSON.stringify(name)}`)
    if (LINE_BREAK.test(value)) throw new Error(`a line break in the header ${name}`)
    text += `${name}: ${value.trim()}${END_OF_LINE}`
  }
  return text + END_OF_LINE
}
