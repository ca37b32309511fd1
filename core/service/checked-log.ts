// Opens the log for a service: the connection, and the proof that streams and consumers are as this
// version expects them.
import { Schema } from "effect"
import { patiently } from "../log/leader-lookup.ts"
import { closeLog, openLog, type Log } from "../log/log.ts"
import { verify } from "../log/provision.ts"
import type { NatsSettings } from "../log/connection.ts"
import type { LogLimits } from "../log/topology.ts"

/** Streams or consumers are not what this version describes; `./weir provision` makes them so. */
export class LogNotProvisioned extends Schema.TaggedError<LogNotProvisioned>()(
  "LogNotProvisioned",
  { differences: Schema.Array(Schema.String) },
) {
  override get message() {
    const differences = this.differences.join("; ")
    return `the log is not provisioned for this version (run "weir provision"): ${differences}`
  }
}

/**
 * Opens and verifies.
 *
 * @throws NatsUnreachable, or LogNotProvisioned naming each difference.
 */
export const openCheckedLog = async (nats: NatsSettings, limits: LogLimits): Promise<Log> => {
  const log = await openLog(nats)
  const found = await patiently(log, () => verify(log.manager, limits))
  if (found.length === 0) return log
  await closeLog(log)
  throw new LogNotProvisioned({
    differences: found.map(
      ({ where, field, expected, found: is }) =>
        `${where} ${field}: expected ${expected}, got ${is}`,
    ),
  })
}
