// What stock clients and probes do around the protocol: no content type, query strings, HEAD.
import { sampleAnswer, type Area, type Check, type Context } from "../check.ts"
import { answeredWhole, bodyOf, expectNear } from "../infer.ts"
import { writeJson } from "../json.ts"
import { pathOf } from "../models.ts"
import { good, refused, type Answer } from "../server.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, shown, Unsupported } from "../verdict.ts"

const isJsonType = ({ headers }: Answer) =>
  /^application\/json(;|$)/u.test(headers.get("content-type") ?? "")

const withType = (says: string, type: string): Check => ({
  says,
  run: async (context) => {
    const { server, model } = context
    const body = new TextEncoder().encode(writeJson(bodyOf(tensorsOf(model))))
    const headers = type === "" ? {} : { "content-type": type }
    const path = `${pathOf(model.name)}/infer`
    const got = answeredWhole(model, await server.ask(path, { method: "POST", body, headers }))
    expectNear(says, got.outputs, (await sampleAnswer(context, model)).outputs)
  },
})

const queries = async ({ server, model }: Context): Promise<void> => {
  const query = "?test_1=1&test_2=two"
  for (const path of ["/v2", "/v2/health/live", "/v2/health/ready", pathOf(model.name)])
    good(await server.ask(`${path}${query}`))
  const body = writeJson(bodyOf(tensorsOf(model)))
  answeredWhole(model, await server.post(`${pathOf(model.name)}/infer${query}`, body))
}

const head = async ({ server }: Context): Promise<void> => {
  for (const path of ["/v2/health/live", "/v2/health/ready"]) {
    const answer = await server.ask(path, { method: "HEAD" })
    if (answer.status === 405) throw new Unsupported(`HEAD ${path} is 405`)
    good(answer)
    expect(answer.bytes.byteLength === 0, `${answer.asked} has a body`)
  }
}

const types = async ({ server, model }: Context): Promise<void> => {
  const body = writeJson(bodyOf(tensorsOf(model)))
  const refusal = await server.ask(pathOf("no-such-model"))
  refused(refusal, "an unknown model")
  const answers = [
    await server.ask("/v2"),
    await server.ask(pathOf(model.name)),
    await server.post(`${pathOf(model.name)}/infer`, body),
  ]
  for (const answer of [...answers.map(good), refusal]) {
    const type = answer.headers.get("content-type")
    expect(isJsonType(answer), `${answer.asked}: content type ${shown(type)}`)
  }
}

export const headers: Area = {
  name: "headers",
  checks: [
    withType("a request without a content type is taken, as stock clients send it", ""),
    withType("a content type may name its charset", "application/json; charset=utf-8"),
    { says: "query strings that mean nothing are ignored", run: queries },
    { says: "HEAD of the probes has the status of GET and no body", run: head },
    { says: "answers and refusals in JSON say that they are JSON", run: types },
  ],
}
