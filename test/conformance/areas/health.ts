// Whether the server and its models say that they live and are ready.
import type { Area, Context } from "../check.ts"
import { pathOf } from "../models.ts"
import { good, isRefused, jsonOf, type Answer } from "../server.ts"
import { expect, expectSame, recordIn, Unsupported } from "../verdict.ts"

const UNKNOWN = "no-such-model"

/** Servers may say it by the status alone. */
const readyIn = (name: string, answer: Answer): void => {
  good(answer)
  if (answer.bytes.byteLength === 0) return
  const body = recordIn(answer.asked, jsonOf(answer))
  expectSame(`${answer.asked}: name`, body["name"], name)
  expectSame(`${answer.asked}: ready`, body["ready"], true)
}

export const health: Area = {
  name: "health",
  checks: [
    {
      says: "the server is live",
      run: async ({ server }) => void good(await server.ask("/v2/health/live")),
    },
    {
      says: "the server is ready",
      run: async ({ server }) => void good(await server.ask("/v2/health/ready")),
    },
    {
      says: "a model is ready, and says so by its name",
      run: async ({ server, model: { name } }) =>
        readyIn(name, await server.ask(`${pathOf(name)}/ready`)),
    },
    {
      says: "each version that the metadata lists is ready",
      run: async ({ server, model: { name, versions } }: Context) => {
        if (versions.length === 0) throw new Unsupported(`${name} lists no versions`)
        for (const version of versions)
          readyIn(name, await server.ask(`${pathOf(name, version)}/ready`))
      },
    },
    {
      says: "an unknown model is not ready",
      run: async ({ server }) => {
        const answer = await server.ask(`${pathOf(UNKNOWN)}/ready`)
        expect(isRefused(answer), `${answer.asked}: ${answer.status}, not 4xx`)
      },
    },
  ],
}
