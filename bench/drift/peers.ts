// alibi-detect and SciPy on the same arrays: a Python of their own, made from pinned packages.
import { join } from "node:path"
import { Schema } from "effect"
import { fromFeatures } from "#core/statistics/rows"
import { hold, holdFolder } from "../clean-ups.ts"
import { setUp } from "../peers/set-up.ts"
import { FEATURES, REFERENCE_ROWS, WINDOW_ROWS, type Arrays } from "./arrays.ts"
import type { Timed } from "./own-tests.ts"

const PACKAGES = "drift"
const SCRIPT = join(import.meta.dir, "..", "peers", PACKAGES, "measure.py")
/** TensorFlow builds its graphs in the first call of each test. */
const MEASURE_WAIT_MILLIS = 300_000
/** Its own packages alone; no accelerator is looked for, and nothing is said about it. */
const QUIET = { PYTHONPATH: "", CUDA_VISIBLE_DEVICES: "-1", TF_CPP_MIN_LOG_LEVEL: "3" }

const Measured = Schema.Record(
  Schema.String,
  Schema.Struct({
    millis: Schema.Array(Schema.Finite),
    answer: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite])),
  }),
)

export const PEER_TESTS = {
  "alibi-ks": "alibi-detect 0.13 KSDrift",
  "scipy-ks": "SciPy 1.17 ks_2samp, asymptotic",
  "scipy-ks-exact": "SciPy 1.17 ks_2samp, as it comes (exact)",
  "scipy-anderson": "SciPy 1.17 anderson_ksamp",
  "alibi-mmd": "alibi-detect 0.13 MMDDrift, TensorFlow, 100 permutations",
} as const
export type PeerTest = keyof typeof PEER_TESTS

const write = async (path: string, { reference, window }: Arrays): Promise<void> => {
  const tables = [reference, window].map((one) => fromFeatures(one).values)
  const bytes = tables.map((values) => new Uint8Array(values.slice().buffer))
  await Bun.write(path, Buffer.concat(bytes))
}

export type Peers =
  | { readonly kind: "measured"; readonly tests: Readonly<Record<string, Timed>> }
  | { readonly kind: "missing"; readonly reason: string }

/** The Python that has them, or why there is none. */
export const setUpPeers = (say: (line: string) => void) => setUp(PACKAGES, say)

export const measurePeers = async (arrays: Arrays, say: (line: string) => void): Promise<Peers> => {
  const environment = await setUpPeers(say)
  if (environment.kind === "missing") return environment
  const { made: folder, undo: remove } = holdFolder("weir-drift-bench-")
  try {
    const path = join(folder, "rows.f64")
    await write(path, arrays)
    const sizes = [REFERENCE_ROWS, WINDOW_ROWS, FEATURES].map(String)
    const command = [join(environment.bin, "python"), SCRIPT, path, ...sizes]
    const { made: run, undo: end } = hold(
      () =>
        Bun.spawn(command, {
          env: { ...process.env, ...QUIET },
          stdin: "ignore",
          timeout: MEASURE_WAIT_MILLIS,
          stderr: "pipe",
        }),
      (running) => running.kill(),
    )
    const [output, said, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ])
    await end()
    if (code !== 0) return { kind: "missing", reason: said.trim().split("\n").at(-1) ?? "" }
    const last = output.trim().split("\n").at(-1) ?? ""
    return { kind: "measured", tests: Schema.decodeUnknownSync(Measured)(JSON.parse(last)) }
  } finally {
    await remove()
  }
}
