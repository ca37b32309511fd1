// The V1 protocol. No extension names it: a server without its list of models does not have it.
import { withRows, type Area, type Check, type Context } from "../check.ts"
import { writeJson } from "../json.ts"
import type { Model } from "../models.ts"
import { good, isRefused, jsonOf, refused } from "../server.ts"
import { nested, tensorsOf } from "../tensors.ts"
import { expect, listIn, recordIn, shown, textIn, Unsupported } from "../verdict.ts"

const ROWS = 2

const pathOf = (model: string) => `/v1/models/${encodeURIComponent(model)}`

/** Rows of the made-up tensors: bare where there is one input, by name where there are several. */
const instancesOf = (model: Model): ReadonlyArray<unknown> => {
  const columns = tensorsOf(model, ROWS).map(({ name, data, shape }) => {
    const rows = listIn(name, nested(data, shape))
    return [name, rows] as const
  })
  return Array.from({ length: ROWS }, (_, row) => {
    const [only] = columns
    if (columns.length === 1) return only?.[1][row]
    const one = (cell: unknown) => (Array.isArray(cell) && cell.length === 1 ? cell[0] : cell)
    return Object.fromEntries(columns.map(([name, rows]) => [name, one(rows[row])]))
  })
}

const predict = ({ server }: Context, model: string, body: unknown) =>
  server.post(`${pathOf(model)}:predict`, writeJson(body))

const checks: ReadonlyArray<Check> = [
  {
    says: "the list of models names the model",
    run: async ({ server, model }) => {
      const body = recordIn("/v1/models", jsonOf(good(await server.ask("/v1/models"))))
      const names = listIn("models", body["models"])
      expect(names.includes(model.name), `${shown(names)} does not name ${model.name}`)
    },
  },
  {
    says: "a model says that it answers",
    run: async ({ server, model }) => {
      const answer = good(await server.ask(pathOf(model.name)))
      const { ready, model_version_status: versions } = recordIn(answer.asked, jsonOf(answer))
      const isThere = ready === true || ready === "True" || Array.isArray(versions)
      expect(isThere, "neither ready nor model_version_status")
    },
  },
  {
    says: "instances have as many predictions",
    run: async (context) => {
      const model = withRows(context)
      const answer = good(await predict(context, model.name, { instances: instancesOf(model) }))
      const { predictions } = recordIn(answer.asked, jsonOf(answer))
      const { length } = listIn("predictions", predictions)
      expect(length === ROWS, `${length} predictions for ${ROWS} instances`)
    },
  },
  {
    says: "a body without instances is refused",
    run: async (context) => {
      const answer = await predict(context, context.model.name, {})
      refused(answer, "no instances")
    },
  },
  {
    says: "an unknown model is refused",
    run: async (context) => {
      const answer = await predict(context, "no-such-model", { instances: [1] })
      expect(isRefused(answer), `${answer.status}, not 4xx`)
      const { error } = recordIn(answer.asked, jsonOf(answer))
      textIn("error", error)
    },
  },
]

const only = ({ says, run }: Check): Check => ({
  says,
  run: async (context) => {
    const { status } = await context.server.ask("/v1/models")
    if (status === 404) throw new Unsupported("GET /v1/models is 404")
    await run(context)
  },
})

export const v1: Area = { name: "v1", checks: checks.map(only) }
