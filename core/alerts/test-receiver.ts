// A receiver of webhooks on this machine that remembers what it got, for tests.

export interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Receiver {
  readonly port: number
  /** Ends with a slash. */
  readonly url: string
  readonly seen: ReadonlyArray<Received>
  readonly stop: () => Promise<void>
}

export const startReceiver = (
  answer: (request: Request) => Response | Promise<Response>,
  tls?: { readonly key: string; readonly cert: string },
): Receiver => {
  const seen: Array<Received> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch: async (request) => {
      const body = await request.clone().text()
      const headers = Object.fromEntries(request.headers)
      seen.push({ path: new URL(request.url).pathname, headers, body })
      return answer(request)
    },
  })
  const port = server.port ?? 0
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/`,
    seen,
    stop: () => server.stop(true),
  }
}
