// Headers as the server stores them: the text that stood on the wire.
import { headers as natsHeaders, type MsgHdrs } from "nats"

/** Reads `NATS/1.0\r\nName: value\r\n…`, given in base64. */
export const decodeHeaders = (base64: string): MsgHdrs => {
  const headers = natsHeaders()
  const [, ...lines] = Buffer.from(base64, "base64").toString("utf8").split("\r\n")
  for (const line of lines) {
    const colon = line.indexOf(":")
    if (colon <= 0) continue
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
    } catch {
      // No name of a header: a producer may send anything, and the rest must still be read.
    }
  }
  return headers
}
