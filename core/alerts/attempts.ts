// Attempts as findings: one message each, which is what a restarted process goes on from.
import { createHash } from "node:crypto"
import { setTimeout as pause } from "node:timers/promises"
import { NATS_MESSAGE_ID } from "#proto/headers"
import { ALL_WEBHOOK_FINDINGS, FINDINGS, findingSubject } from "#proto/subjects"
import { webhookAttemptCodec, type WebhookAttempted } from "#proto/webhook"
import { LogUnavailable } from "../log/append.ts"
import type { Log } from "../log/log.ts"
import { readStored } from "./subscriptions.ts"

/** Between two tries to record what was sent; nothing else is lost meanwhile. */
const PAUSE_MILLIS = 250
const MESSAGE_ID_CHARACTERS = 32

/**
 * Records an attempt, however long the log is away; resolves to whether it did, which is false only
 * after the signal. Unrecorded, it is made again after a restart.
 *
 * @throws LogUnavailable when the log refuses it for good.
 */
export const recordAttempt = async (
  log: Log,
  fact: WebhookAttempted,
  signal: AbortSignal,
): Promise<boolean> => {
  const subject = findingSubject("webhook", fact.model)
  const payload = webhookAttemptCodec.encode(fact)
  const digest = createHash("sha256").update(payload).digest("hex")
  const id = digest.slice(0, MESSAGE_ID_CHARACTERS)
  for (;;) {
    const published = await log.publisher.publish(subject, payload, [[NATS_MESSAGE_ID, id]])
    if (published.kind === "stored") return true
    if (published.kind === "refused" || published.kind === "tooLarge")
      throw new LogUnavailable({ subject, reason: `an attempt was ${published.kind}` })
    if (signal.aborted) return false
    await pause(PAUSE_MILLIS)
  }
}

/** All attempts that the log holds, in order. @throws LookupFailed, UnreadableRecord */
export async function* readAttempts(log: Log): AsyncGenerator<WebhookAttempted> {
  for await (const entry of readStored(log, FINDINGS, ALL_WEBHOOK_FINDINGS))
    yield webhookAttemptCodec.decode(entry.data)
}
