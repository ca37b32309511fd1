// Metadata of gRPC calls as the headers that the rest of the gateway reads, and back: the same
// names in lower case.
import { Metadata } from "@grpc/grpc-js"
import * as Header from "#proto/headers"
import { CASES, refuse, type Refusal } from "../http/status.ts"

/** All that is read of a call; whatever else comes is left alone. */
const READ = [
  "authorization",
  "x-api-key",
  Header.VERSION,
  Header.TIMEOUT,
  Header.IDEMPOTENCY_KEY,
  Header.REQUEST_ID,
  Header.TRACEPARENT,
]
const PRINTABLE = /^[\x20-\x7e]*$/
/** The stable word of a refusal, which in HTTP stands in the body. */
export const CODE_HEADER = "Weir-Code"
/** Retry policies of clients follow it. */
const PUSHBACK_MILLIS = "grpc-retry-pushback-ms"

/** Several values of one name are joined, as those of HTTP headers are. */
export const headersOf = (metadata: Metadata): Headers | Refusal => {
  const headers = new Headers()
  for (const name of READ) {
    const values = metadata.get(name)
    if (values.length === 0) continue
    const value = values.join(", ")
    if (!PRINTABLE.test(value))
      return refuse("invalid", `${name}: expected printable characters, got others`)
    headers.set(name, value)
  }
  return headers
}

export const metadataOf = (values: Readonly<Record<string, string>>): Metadata => {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  return metadata
}

/** What goes along with a refusal besides code and sentence. */
export const trailersOf = ({
  error,
  id,
  retryAfterSeconds,
}: Refusal): Readonly<Record<string, string>> => ({
  [CODE_HEADER]: CASES[error].code,
  ...(id === undefined ? {} : { [Header.ID]: id }),
  ...(retryAfterSeconds === undefined
    ? {}
    : {
        "Retry-After": `${retryAfterSeconds}`,
        [PUSHBACK_MILLIS]: `${retryAfterSeconds * 1_000}`,
      }),
})
