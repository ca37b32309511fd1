// Packed requests and answers. No extension names them: a server that refuses an encoding, or sends
// the answer as it is, does not support it.
import { gunzipSync, gzipSync, inflateSync, deflateSync } from "node:zlib"
import { sampleAnswer, withRows, type Area, type Check } from "../check.ts"
import { answeredWhole, bodyOf, expectNear } from "../infer.ts"
import { writeJson } from "../json.ts"
import { pathOf } from "../models.ts"
import { isGood } from "../server.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, Failed, Unsupported } from "../verdict.ts"

type Encoding = "gzip" | "deflate"

const PACK = { gzip: gzipSync, deflate: deflateSync } as const
const UNPACK = { gzip: gunzipSync, deflate: inflateSync } as const
/** Enough for servers that leave short answers alone. */
const MANY_ROWS = 2_000

const packedRequest = (encoding: Encoding): Check => ({
  says: `a request may be packed with ${encoding}`,
  run: async (context) => {
    const { server, model } = context
    const body = new Uint8Array(PACK[encoding](writeJson(bodyOf(tensorsOf(model)))))
    const headers = { "content-type": "application/json", "content-encoding": encoding }
    const path = `${pathOf(model.name)}/infer`
    const answer = await server.ask(path, { method: "POST", body, headers })
    if (!isGood(answer)) {
      expect(answer.status < 500, `${answer.asked}: ${answer.status}`)
      throw new Unsupported(`${answer.status} for a body of ${encoding}`)
    }
    const { outputs } = await sampleAnswer(context, model)
    expectNear(encoding, answeredWhole(model, answer).outputs, outputs)
  },
})

const packedAnswer = (encoding: Encoding): Check => ({
  says: `an answer is packed with ${encoding} where that is accepted`,
  run: async (context) => {
    const model = withRows(context)
    const body = writeJson(bodyOf(tensorsOf(model, MANY_ROWS)))
    const path = `${pathOf(model.name)}/infer`
    const answer = await context.server.post(path, body, { "accept-encoding": encoding })
    const used = answer.headers.get("content-encoding")
    if (used === null || used === "identity") throw new Unsupported("answers are not packed")
    expect(used === encoding, `${used}, where ${encoding} alone is accepted`)
    const { outputs } = await sampleAnswer(context, model, MANY_ROWS)
    try {
      const bytes = new Uint8Array(UNPACK[encoding](answer.bytes))
      expectNear(encoding, answeredWhole(model, { ...answer, bytes }).outputs, outputs)
    } catch (cause) {
      throw cause instanceof Failed ? cause : new Failed(`the answer is no ${encoding}: ${cause}`)
    }
  },
})

export const compression: Area = {
  name: "compression",
  checks: [
    packedRequest("gzip"),
    packedRequest("deflate"),
    packedAnswer("gzip"),
    packedAnswer("deflate"),
    {
      says: "an unknown encoding, and one that the body does not have, are refused",
      run: async ({ server, model }) => {
        for (const encoding of ["gzip", "no-such-encoding"]) {
          const body = writeJson(bodyOf(tensorsOf(model)))
          const path = `${pathOf(model.name)}/infer`
          const { status } = await server.post(path, body, { "content-encoding": encoding })
          expect(status >= 400 && status < 500, `${encoding}: ${status}, not 4xx`)
        }
      },
    },
  ],
}
