// What the server and its models say of themselves.
import type { Area, Context } from "../check.ts"
import { pathOf, specIn } from "../models.ts"
import { good, jsonOf, refused } from "../server.ts"
import { expect, expectSame, listIn, recordIn, shown, textIn, Unsupported } from "../verdict.ts"

const tensorsIn = (what: string, value: unknown): void => {
  const tensors = listIn(what, value)
  expect(tensors.length > 0, `${what} is empty`)
  const wrong = tensors.find((tensor) => specIn(tensor) === undefined)
  expect(wrong === undefined, `${what}: ${shown(wrong)} is no tensor`)
  const names = tensors.map((tensor) => specIn(tensor)?.name)
  expect(new Set(names).size === names.length, `${what} name one twice: ${shown(names)}`)
}

const metadataOf = async ({ server }: Context, name: string, version?: string) => {
  const answer = good(await server.ask(pathOf(name, version)))
  return recordIn(answer.asked, jsonOf(answer))
}

export const metadata: Area = {
  name: "metadata",
  checks: [
    {
      says: "the server gives name, version and extensions",
      run: async ({ server }) => {
        const body = recordIn("GET /v2", jsonOf(good(await server.ask("/v2"))))
        textIn("name", body["name"])
        textIn("version", body["version"])
        for (const extension of listIn("extensions", body["extensions"]))
          textIn("an extension", extension)
      },
    },
    {
      says: "every model gives name, platform, inputs and outputs",
      run: async (context) => {
        for (const { name } of context.models) {
          const body = await metadataOf(context, name)
          expectSame("name", body["name"], name)
          textIn("platform", body["platform"])
          tensorsIn(`the inputs of ${name}`, body["inputs"])
          tensorsIn(`the outputs of ${name}`, body["outputs"])
        }
      },
    },
    {
      says: "each version that is listed has the same form of metadata",
      run: async (context) => {
        const { name, versions } = context.model
        if (versions.length === 0) throw new Unsupported(`${name} lists no versions`)
        for (const version of versions) {
          const body = await metadataOf(context, name, version)
          expectSame("name", body["name"], name)
          tensorsIn(`the inputs of version ${version}`, body["inputs"])
          tensorsIn(`the outputs of version ${version}`, body["outputs"])
        }
      },
    },
    {
      says: "an unknown model is refused with an error",
      run: async ({ server }) =>
        refused(await server.ask(pathOf("no-such-model")), "metadata of an unknown model"),
    },
    {
      says: "an unknown version is refused with an error",
      run: async ({ server, model: { name } }) =>
        refused(await server.ask(pathOf(name, "987654321")), "metadata of an unknown version"),
    },
  ],
}
