// Gets the peers: a Python environment below .weir/bench for each list of pinned packages, made by
// uv. It changes nothing that is installed, and says by name what cannot be had.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { inProject } from "../../cli/project.ts"
import { runCommand } from "../../cli/tests/run-command.ts"

const UV_VERSION = "0.13.9"
/** PyTriton brings a server that is linked against this one. */
const PYTHON_VERSION = "3.11"
const INSTALL_WAIT_MILLIS = 600_000
const LINES_SHOWN_MAX = 4
const DIGEST_CHARACTERS = 8

export type SetUp =
  | { readonly kind: "ready"; readonly bin: string }
  | { readonly kind: "missing"; readonly reason: string }

const missing = (reason: string): SetUp => ({ kind: "missing", reason })

const run = async (words: ReadonlyArray<string>): Promise<string | undefined> => {
  try {
    const { isGood, output, end } = await runCommand(words, INSTALL_WAIT_MILLIS)
    if (isGood) return undefined
    const tail = output.trim().split("\n").slice(-LINES_SHOWN_MAX).join(" ")
    return `${words[0]} ${words[1] ?? ""}: ${end} ${tail}`
  } catch (cause) {
    return `${words[0]}: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

const versionOf = (python: string): string => {
  try {
    return Bun.spawnSync([python, "--version"]).stdout.toString().trim()
  } catch {
    return ""
  }
}

const findPython = (): string | undefined =>
  ["/usr/bin/python3.11", "python3.11", "/usr/bin/python3", "python3"].find((name) =>
    versionOf(name).startsWith(`Python ${PYTHON_VERSION}.`),
  )

/** uv on PATH, or one of our own. */
const findUv = async (python: string): Promise<{ readonly uv: string } | string> => {
  const onPath = Bun.which("uv")
  if (onPath !== null) return { uv: onPath }
  const folder = inProject(".weir", "bench", `uv-${UV_VERSION}`)
  const uv = join(folder, "bin", "uv")
  if (existsSync(uv)) return { uv }
  const failed =
    (await run([python, "-m", "venv", folder])) ??
    (await run([join(folder, "bin", "pip"), "install", "--quiet", `uv==${UV_VERSION}`]))
  return failed === undefined && existsSync(uv) ? { uv } : (failed ?? "uv cannot be had")
}

/** The environment for `packages`, made when it is not there yet. */
export const setUp = async (packages: string, say: (line: string) => void): Promise<SetUp> => {
  const requirements = join(import.meta.dir, packages, "requirements.txt")
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(requirements)).digest("hex")
  const stem = `venv-${packages}-${digest.slice(0, DIGEST_CHARACTERS)}`
  const folder = inProject(".weir", "bench", stem)
  const complete = join(folder, "complete")
  const bin = join(folder, "bin")
  if (existsSync(complete)) return { kind: "ready", bin }
  const python = findPython()
  if (python === undefined) return missing(`no Python ${PYTHON_VERSION} here`)
  const found = await findUv(python)
  if (typeof found === "string") return missing(`uv ${UV_VERSION}: ${found}`)
  say(`  getting the packages of ${packages}`)
  mkdirSync(inProject(".weir", "bench"), { recursive: true })
  rmSync(folder, { recursive: true, force: true })
  const own = join(bin, "python")
  const failed =
    (await run([found.uv, "venv", "--quiet", "--python", python, folder])) ??
    (await run([found.uv, "pip", "install", "--quiet", "--python", own, "-r", requirements]))
  if (failed !== undefined) return missing(failed)
  await Bun.write(complete, "")
  return { kind: "ready", bin }
}
