// A Python with SciPy, and with alibi-detect where there is one, and its answers to the samples of
// `show calibration`. It installs nothing.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { Schema } from "effect"
import { fromFeatures } from "#core/statistics/rows"
import { inProject } from "../project.ts"
import { toolFolders } from "../tests/pinned-tools.ts"
import { REFERENCE_ROWS, WINDOW_ROWS, type Sample, type Shift } from "./samples.ts"

export interface Python {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
  readonly scipy: string
  /** Its version; undefined where it has none. */
  readonly alibi: string | undefined
}

/** TensorFlow takes 0.3 s a test. */
const ANSWER_WAIT_MILLIS = 600_000
const QUIET = { CUDA_VISIBLE_DEVICES: "-1", TF_CPP_MIN_LOG_LEVEL: "3" }

const VERSIONS = `import importlib.metadata as m, scipy
def of(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return ""
print(scipy.__version__ + " " + of("alibi-detect"))`

/** WEIR_PYTHON; the environment of ./weir bench drift; python3 with what --with-tools has got. */
const candidates = (): ReadonlyArray<readonly [program: string, path: string]> => {
  const given = process.env["WEIR_PYTHON"]
  const benches = inProject(".weir", "bench")
  const own = existsSync(benches)
    ? readdirSync(benches)
        .filter((name) => name.startsWith("venv-drift-"))
        .map((name) => join(benches, name, "bin", "python"))
        .filter((program) => existsSync(program))
    : []
  const tools = toolFolders().join(delimiter)
  return [
    ...(given === undefined ? [] : [[given, ""] as const]),
    ...own.map((program) => [program, ""] as const),
    ["python3", tools],
  ]
}

const look = (program: string, path: string): Python | undefined => {
  if (Bun.which(program) === null) return undefined
  const environment = { ...QUIET, ...(path === "" ? {} : { PYTHONPATH: path }) }
  const run = Bun.spawnSync([program, "-c", VERSIONS], { env: { ...process.env, ...environment } })
  const [scipy = "", alibi = ""] = run.stdout.toString().trim().split(" ")
  if (run.exitCode !== 0 || scipy === "") return undefined
  return { program, environment, scipy, alibi: alibi === "" ? undefined : alibi }
}

/** The first of them that has SciPy. */
export const findPython = (): Python | undefined => {
  for (const [program, path] of candidates()) {
    const found = look(program, path)
    if (found !== undefined) return found
  }
  return undefined
}

const PerTest = Schema.Record(Schema.String, Schema.Array(Schema.Finite))
const Answers = Schema.Struct({ scipy: PerTest, alibi: PerTest })
export type Answers = typeof Answers.Type

/** SciPy's p-values for each sample, and alibi-detect's verdicts, 0 or 1, for the first of them. */
export const askPython = async (
  python: Python,
  shift: Shift,
  samples: ReadonlyArray<Sample>,
  alibiRepetitions: number,
): Promise<Answers> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-calibration-"))
  try {
    const path = join(folder, "samples.f64")
    const tables = samples.flatMap(({ reference, window }) => [reference, window].map(fromFeatures))
    await Bun.write(path, Buffer.concat(tables.map(({ values }) => new Uint8Array(values.buffer))))
    const sizes = [REFERENCE_ROWS, WINDOW_ROWS, tables[0]?.width ?? 1, alibiRepetitions].map(String)
    const script = join(import.meta.dir, "answers.py")
    const run = Bun.spawn([python.program, script, path, shift.kind, ...sizes], {
      env: { ...process.env, ...python.environment },
      stdin: "ignore",
      stderr: "pipe",
      timeout: ANSWER_WAIT_MILLIS,
    })
    const [output, said, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ])
    if (code !== 0) throw new Error(`${python.program}: ${said.trim().split("\n").at(-1)}`)
    const last = output.trim().split("\n").at(-1) ?? ""
    return Schema.decodeUnknownSync(Answers)(JSON.parse(last))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
