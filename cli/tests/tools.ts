// The external programs that some tests need: which are pinned, where they are, and how
// --with-tools gets one. It never changes what is installed on the machine: everything goes below
// .weir/tools.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { inProject } from "../project.ts"
import { runCommand } from "./run-file.ts"

/** One package from a registry that answers. */
const INSTALL_WAIT_MILLIS = 180_000
/** Lines of an installer's output that a failure shows. */
const LINES_SHOWN_MAX = 5

const toolsFolder = inProject(".weir", "tools")
const pythonFolder = join(toolsFolder, "python")

export interface PinnedTool {
  /** The program, as it is called. */
  readonly name: string
  readonly kind: "pip"
  readonly package: string
  readonly version: string
}

/** The tools in the text of .ci/versions; throws for a line of a kind that is not known. */
export const pinnedTools = (text: string): ReadonlyArray<PinnedTool> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("TOOL_"))
    .map((line) => {
      const found = /^TOOL_(\w+)=(pip):([\w.-]+)=([\w.]+)$/.exec(line)
      if (found === null) throw new Error(`.ci/versions: cannot read "${line}"`)
      const [, name = "", , source = "", version = ""] = found
      return { name, kind: "pip", package: source, version }
    })

/** The program's path: got by --with-tools, or on PATH; undefined when it is not here. */
export const findTool = (name: string): string | undefined => {
  const folders = [join(pythonFolder, "bin"), ...(process.env["PATH"] ?? "").split(delimiter)]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

const install = async (tool: PinnedTool): Promise<string | undefined> => {
  const stamp = join(toolsFolder, `${tool.name}-${tool.version}`)
  if (existsSync(stamp)) return undefined
  const wanted = `${tool.package}==${tool.version}`
  const pip = ["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
  const options = ["--only-binary=:all:", "--upgrade", "--target", pythonFolder, wanted]
  try {
    const run = await runCommand([...pip, ...options], INSTALL_WAIT_MILLIS)
    if (run.isGood) {
      writeFileSync(stamp, "")
      return undefined
    }
    const tail = run.output.trim().split("\n").slice(-LINES_SHOWN_MAX).join("\n    ")
    return `${tool.name}: pip could not install ${wanted} (${run.end})\n    ${tail}`
  } catch {
    return `${tool.name}: python3 with pip is needed to get it`
  }
}

/** Gets each pinned tool that is missing; gives a sentence for each that could not be had. */
export const getTools = async (): Promise<ReadonlyArray<string>> => {
  mkdirSync(toolsFolder, { recursive: true })
  const troubles: Array<string> = []
  for (const tool of pinnedTools(readFileSync(inProject(".ci", "versions"), "utf8"))) {
    const trouble = await install(tool)
    if (trouble !== undefined) troubles.push(trouble)
  }
  return troubles
}
