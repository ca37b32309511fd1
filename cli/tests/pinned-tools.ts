// The external programs and Python modules that some tests need: which are pinned, and where each
// is when --with-tools has got it. It installs nothing.
import { existsSync, readFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { inProject } from "../project.ts"

const KINDS = ["pip", "sdist", "deb", "npm", "chromium"] as const
type Kind = (typeof KINDS)[number]

/** Where the kinds have their programs. */
const BIN_FOLDERS = ["bin", join("usr", "bin"), join("node_modules", ".bin")]

export interface PinnedTool {
  /** The program or Python module, as it is called. */
  readonly name: string
  /** From the Python package index, as wheel or as sources, a Debian's archive, or npm. */
  readonly kind: Kind
  readonly package: string
  readonly version: string
}

/** The tools in the text of .ci/versions; throws for a line of a kind that is not known. */
export const pinnedTools = (
  text: string = readFileSync(inProject(".ci", "versions"), "utf8"),
): ReadonlyArray<PinnedTool> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("TOOL_"))
    .map((line) => {
      const found = /^TOOL_(\w+)=(\w+):([\w./@-]+)=([\w.]+)$/.exec(line)
      const [, name = "", word, source = "", version = ""] = found ?? []
      const kind = KINDS.find((known) => known === word)
      if (kind === undefined) throw new Error(`.ci/versions: cannot read "${line}"`)
      return { name, kind, package: source, version }
    })

/** Where --with-tools puts it; the folder is there only when everything in it is. */
export const toolFolder = ({ name, version }: PinnedTool): string =>
  inProject(".weir", "tools", `${name}-${version}`)

/** The folders of the pinned tools that are here: modules in them, programs in BIN_FOLDERS. */
export const toolFolders = (): ReadonlyArray<string> =>
  pinnedTools().map(toolFolder).filter(existsSync)

/** The folder of one pinned tool, or undefined when it is not here. */
export const findToolFolder = (name: string): string | undefined =>
  pinnedTools()
    .filter((tool) => tool.name === name)
    .map(toolFolder)
    .find(existsSync)

/** The program's path: got by --with-tools, or on PATH; undefined when it is not here. */
export const findTool = (name: string): string | undefined => {
  const onPath = (process.env["PATH"] ?? "").split(delimiter)
  const got = toolFolders().flatMap((folder) => BIN_FOLDERS.map((bin) => join(folder, bin)))
  return [...got, ...onPath].map((folder) => join(folder, name)).find((path) => existsSync(path))
}
