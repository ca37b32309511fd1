// Clients that close their connection after the answer send all of their body first. Where an
// answer comes before that, a server that closes with bytes unread resets the connection, and the
// answer is lost with it.

/** Of a body that nobody reads; who sends more may lose the answer. */
const TAKEN_BYTES_MAX = 64 * 1024 * 1024
const TAKEN_WAIT_MILLIS = 5_000

const takeIn = async (body: ReadableStream<Uint8Array>): Promise<void> => {
  const reader = body.getReader()
  const stop = () => void reader.cancel().catch(() => undefined)
  const late = setTimeout(stop, TAKEN_WAIT_MILLIS)
  try {
    let size = 0
    while (size <= TAKEN_BYTES_MAX) {
      const { done, value } = await reader.read()
      if (done) return
      size += value.byteLength
    }
    stop()
  } catch {
    // The client has gone.
  } finally {
    clearTimeout(late)
  }
}

/** The answer to a request, after what is left of its body; nothing of that is kept. */
export const answerAfterBody = async (
  request: Request,
  answering: Response | Promise<Response>,
): Promise<Response> => {
  const response = await answering
  if (!request.bodyUsed && request.body !== null) await takeIn(request.body)
  return response
}
