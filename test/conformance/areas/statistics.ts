// The extension statistics: its form, that it counts, and that its figures agree with one another.
import { sampleAnswer, type Area, type Context } from "../check.ts"
import type { Json } from "../json.ts"
import { pathOf } from "../models.ts"
import { good, jsonOf, refused } from "../server.ts"
import { expect, listIn, recordIn, shown, textIn, wholeIn } from "../verdict.ts"

const PARTS = ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output"]
const REQUESTS = 3
/** Some servers count a moment after they answer. */
const LOOKS_MAX = 40
const LOOK_AGAIN_MILLIS = 100
/** Clocks of parts are read one after the other. */
const SLACK = 1.05

const durationIn = (what: string, value: unknown) => {
  const { count, ns } = recordIn(what, value)
  return { count: wholeIn(`${what}.count`, count), ns: wholeIn(`${what}.ns`, ns) }
}

interface Figures {
  readonly inferences: number
  readonly executions: number
  readonly parts: Readonly<Record<string, { readonly count: number; readonly ns: number }>>
  readonly batches: ReadonlyArray<Json>
}

const figuresIn = (value: unknown): Figures & { readonly name: string } => {
  const entry = recordIn("an entry of model_stats", value)
  textIn("version", entry["version"])
  if (entry["last_inference"] !== undefined) wholeIn("last_inference", entry["last_inference"])
  const stats = recordIn("inference_stats", entry["inference_stats"])
  const parts = Object.fromEntries(PARTS.map((part) => [part, durationIn(part, stats[part])]))
  const batches = listIn("batch_stats", entry["batch_stats"] ?? [])
  return {
    name: textIn("name", entry["name"]),
    inferences: wholeIn("inference_count", entry["inference_count"]),
    executions: wholeIn("execution_count", entry["execution_count"]),
    parts,
    batches: batches.map((one) => recordIn("an entry of batch_stats", one)),
  }
}

const statisticsOf = async ({ server }: Context, path: string) => {
  const body = recordIn(path, jsonOf(good(await server.ask(path))))
  return listIn("model_stats", body["model_stats"]).map(figuresIn)
}

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((all, one) => all + one, 0)

const counted = async (context: Context) => {
  const figures = await statisticsOf(context, `${pathOf(context.model.name)}/stats`)
  return {
    figures,
    successes: sum(figures.map(({ parts }) => parts["success"]?.count ?? 0)),
    inferences: sum(figures.map(({ inferences }) => inferences)),
  }
}

const counts = async (context: Context): Promise<void> => {
  const before = await counted(context)
  for (let at = 0; at < REQUESTS; at++) await sampleAnswer(context, context.model)
  let after = await counted(context)
  const isCounted = () => after.successes >= before.successes + REQUESTS
  for (let look = 0; look < LOOKS_MAX && !isCounted(); look++) {
    await Bun.sleep(LOOK_AGAIN_MILLIS)
    after = await counted(context)
  }
  const grew = after.successes - before.successes
  expect(isCounted(), `${REQUESTS} answers made success.count grow by ${grew}`)
  expect(after.inferences > before.inferences, "inference_count did not grow")
}

const agree = async (context: Context): Promise<void> => {
  await sampleAnswer(context, context.model)
  for (const { inferences, executions, parts, batches } of (await counted(context)).figures) {
    expect(executions <= inferences, `${executions} executions for ${inferences} inferences`)
    const whole = (parts["success"]?.ns ?? 0) + (parts["fail"]?.ns ?? 0)
    const within = sum(PARTS.slice(2).map((part) => parts[part]?.ns ?? 0))
    expect(within <= whole * SLACK, `parts of ${within} ns make up a whole of ${whole} ns`)
    if (batches.length === 0) continue
    const runs = batches.map((batch) => ({
      rows: wholeIn("batch_size", batch["batch_size"], 1),
      runs: durationIn("compute_infer", batch["compute_infer"]).count,
    }))
    const all = sum(runs.map((one) => one.runs))
    expect(all === executions, `batch_stats count ${all} runs, execution_count is ${executions}`)
  }
}

export const statistics: Area = {
  name: "statistics",
  extension: "statistics",
  checks: [
    {
      says: "a model has statistics in the form of the extension",
      run: async (context) => {
        const { figures } = await counted(context)
        expect(figures.length > 0, "no entries")
        const others = figures.filter(({ name }) => name !== context.model.name)
        expect(others.length === 0, `entries of ${shown(others[0]?.name)}`)
      },
    },
    {
      says: "so does each version, and all models together",
      run: async (context) => {
        const { name, versions } = context.model
        for (const version of versions)
          await statisticsOf(context, `${pathOf(name, version)}/stats`)
        const all = await statisticsOf(context, "/v2/models/stats")
        expect(
          all.some((one) => one.name === name),
          `${name} is not among all`,
        )
      },
    },
    { says: "answers are counted", run: counts },
    { says: "counts and durations agree with one another", run: agree },
    {
      says: "statistics of an unknown model are refused",
      run: async ({ server }) =>
        refused(await server.ask(`${pathOf("no-such-model")}/stats`), "an unknown model"),
    },
  ],
}
