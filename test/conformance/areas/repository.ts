// The extension model_repository. Models are unloaded only where that was allowed.
import type { Area, Context } from "../check.ts"
import { sampleAnswer } from "../check.ts"
import { ask, bodyOf } from "../infer.ts"
import { pathOf } from "../models.ts"
import { good, isGood, jsonOf, refused, type Server } from "../server.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, expectSame, LeftOut, listIn, recordIn, shown, textIn } from "../verdict.ts"

const STATES = ["UNKNOWN", "READY", "UNAVAILABLE", "LOADING", "UNLOADING"]

const indexOf = async (server: Server, body: string) => {
  const answer = good(await server.post("/v2/repository/index", body))
  return listIn("the index", jsonOf(answer)).map((entry) => {
    const { name, version, state, reason } = recordIn("an entry", entry)
    if (version !== undefined) textIn("version", version)
    if (reason !== undefined) textIn("reason", reason)
    const known = state === undefined || STATES.some((one) => one === state)
    expect(known, `state ${shown(state)}, not one of ${STATES.join(", ")}`)
    return { name: textIn("name", name), state }
  })
}

const command = (server: Server, model: string, verb: "load" | "unload") =>
  server.post(`/v2/repository/models/${encodeURIComponent(model)}/${verb}`, "{}")

const unloadAndLoad = async (context: Context): Promise<void> => {
  const { server, model, mayUnload } = context
  if (!mayUnload) throw new LeftOut("models are unloaded only with --unload")
  try {
    good(await command(server, model.name, "unload"))
    const answer = await ask(server, model, bodyOf(tensorsOf(model)))
    expect(answer.status >= 400, `an unloaded model answers ${answer.status}`)
    const ready = await server.ask(`${pathOf(model.name)}/ready`)
    expect(!isGood(ready), "an unloaded model says that it is ready")
    const listed = await indexOf(server, '{"ready": true}')
    const isListed = listed.some(({ name }) => name === model.name)
    expect(!isListed, "an unloaded model is in the index of those that are ready")
  } finally {
    good(await command(server, model.name, "load"))
  }
  await sampleAnswer(context, model)
}

export const repository: Area = {
  name: "repository",
  extension: "model_repository",
  checks: [
    {
      says: "the index lists the models with their states",
      run: async ({ server, model }) => {
        const entries = (await indexOf(server, "{}")).filter(({ name }) => name === model.name)
        expect(entries.length > 0, `the index does not list ${model.name}`)
        const isReady = entries.some(({ state }) => state === "READY")
        expect(isReady, `the index does not say that ${model.name} is ready`)
      },
    },
    {
      says: "the index of what is ready lists nothing else",
      run: async ({ server }) => {
        for (const { state } of await indexOf(server, '{"ready": true}'))
          expectSame("state", state, "READY")
      },
    },
    {
      says: "the index may be asked for without a body",
      run: async ({ server }) => void (await indexOf(server, "")),
    },
    {
      says: "loading an unknown model is refused",
      run: async ({ server }) =>
        refused(await command(server, "no-such-model", "load"), "loading an unknown model"),
    },
    {
      says: "loading what is loaded changes nothing",
      run: async (context) => {
        const { server, model } = context
        if (!context.mayUnload) throw new LeftOut("models are loaded only with --unload")
        good(await command(server, model.name, "load"))
        await sampleAnswer(context, model)
      },
    },
    { says: "an unloaded model does not answer; a loaded one does", run: unloadAndLoad },
  ],
}
