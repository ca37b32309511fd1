// How --with-tools gets what some tests need. It never changes what is installed on the machine:
// everything goes below .weir/tools.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { pinnedTools, toolFolder, type PinnedTool } from "./pinned-tools.ts"
import { runCommand } from "./run-command.ts"

/** One package, from a registry that answers. */
const INSTALL_WAIT_MILLIS = 180_000
/** Lines of an installer's output that a failure shows. */
const LINES_SHOWN_MAX = 5

const PIP_INSTALL = ["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]

/** The package as the archive has it, unpacked: nothing is installed, no service is started. */
const debCommand = ({ package: source, version }: PinnedTool, part: string) => {
  const script = `set -e; mkdir -p "$1"; cd "$1"; apt-get download "$2"
    ls "$2"_"$3"*.deb > /dev/null || { echo "the archive has another version: $(ls)"; exit 1; }
    dpkg-deb -x "$2"_*.deb .; rm "$2"_*.deb`
  return ["sh", "-c", script, "get", part, source, version]
}

const pipCommand = ({ package: source, version }: PinnedTool, part: string) => {
  return [...PIP_INSTALL, "--only-binary=:all:", "--target", part, `${source}==${version}`]
}

/**
 * Only the tests of the sources: nothing is built or installed. What builds them must still know
 * pkg_resources, which setuptools dropped with 81.
 */
const sdistCommand = ({ package: source, version }: PinnedTool, part: string) => {
  const script = `set -e; mkdir -p "$1"; cd "$1"; echo "setuptools<81" > constraint
    PIP_CONSTRAINT="$PWD/constraint" python3 -m pip download --quiet \
      --disable-pip-version-check --no-deps --no-binary=:all: "$2==$3"
    tar -xzf "$2-$3.tar.gz" --strip-components=1 "$2-$3/tests"; rm "$2-$3.tar.gz" constraint`
  return ["sh", "-c", script, "get", part, source, version]
}

/** Nothing that packages would like to run while they are installed is run. */
const npmCommand = ({ package: source, version }: PinnedTool, part: string) => {
  const script = `set -e; mkdir -p "$1"; cd "$1"; echo "{}" > package.json
    "$2" add --exact --ignore-scripts "$3@$4"`
  return ["sh", "-c", script, "get", part, process.execPath, source, version]
}

/**
 * A Chromium for Linux on x64 that an npm package holds packed, with the libraries that a machine
 * without a desktop lacks.
 */
const chromiumCommand = ({ package: source, version }: PinnedTool, part: string) => {
  const script = `set -e; mkdir -p "$1"; cd "$1"; echo "{}" > package.json
    [ "$(uname -sm)" = "Linux x86_64" ] || { echo "the package is for Linux on x64"; exit 1; }
    "$2" add --exact --ignore-scripts "$3@$4"
    mkdir bin; cp "$5" bin/chromium; chmod +x bin/chromium
    bun=$2; unpack() { "$bun" -e 'const { brotliDecompressSync: unpack } = require("node:zlib")
      await Bun.write(process.argv[2], unpack(await Bun.file(process.argv[1]).bytes()))' "$@"; }
    unpack "node_modules/$3/bin/chromium.br" bin/headless; chmod +x bin/headless
    unpack "node_modules/$3/bin/al2023.tar.br" libraries.tar; tar -xf libraries.tar
    rm -r libraries.tar node_modules`
  const started = join(import.meta.dir, "chromium.sh")
  return ["sh", "-c", script, "get", part, process.execPath, source, version, started]
}

const HOW = {
  pip: { command: pipCommand, needs: "python3 with pip" },
  sdist: { command: sdistCommand, needs: "python3 with pip" },
  deb: { command: debCommand, needs: "a Debian with apt" },
  npm: { command: npmCommand, needs: "a shell" },
  chromium: { command: chromiumCommand, needs: "a shell" },
} as const

const install = async (tool: PinnedTool): Promise<string | undefined> => {
  const folder = toolFolder(tool)
  if (existsSync(folder)) return undefined
  const part = `${folder}.part`
  rmSync(part, { recursive: true, force: true })
  const wanted = `${tool.package} ${tool.version}`
  const { command, needs } = HOW[tool.kind]
  try {
    const run = await runCommand(command(tool, part), INSTALL_WAIT_MILLIS)
    if (run.isGood) {
      renameSync(part, folder)
      return undefined
    }
    const tail = run.output.trim().split("\n").slice(-LINES_SHOWN_MAX).join("\n    ")
    return `${tool.name}: ${tool.kind} could not get ${wanted} (${run.end})\n    ${tail}`
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `${tool.name}: ${needs} is needed to get it (${reason})`
  }
}

/** Gets each pinned tool that is missing; gives a sentence for each that could not be had. */
export const getTools = async (): Promise<ReadonlyArray<string>> => {
  const troubles: Array<string> = []
  for (const tool of pinnedTools()) {
    mkdirSync(dirname(toolFolder(tool)), { recursive: true })
    const trouble = await install(tool)
    if (trouble !== undefined) troubles.push(trouble)
  }
  return troubles
}
