// `weir show <name>`: runs one of the demonstrations of cli/show/ at full size. It knows none of
// them by name: a file in that folder is a demonstration.
import { existsSync, readdirSync } from "node:fs"
import { basename } from "node:path"
import { EXIT_DONE, UsageError, type Command } from "../command.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"

const folder = inProject("cli", "show")

const names = (): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
        .map((file) => basename(file, ".ts"))
        .toSorted()
    : []

const loadShow = async (name: string): Promise<Show> => {
  // Boundary: a file of this folder exports `show`; a test walks them all.
  const module = (await import(`${folder}/${name}.ts`)) as { readonly show: Show }
  return module.show
}

const list = async (): Promise<string> => {
  const shows = await Promise.all(
    names().map(async (name) => ({ name, ...(await loadShow(name)) })),
  )
  const width = Math.max(0, ...shows.map(({ name }) => name.length))
  return shows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")
}

export const show: Command = {
  name: "show",
  summary: "A demonstration at full size, with its figures",
  usage: `Usage: ./weir show              lists the demonstrations
       ./weir show <name>       runs one and prints its figures
       ./weir show <name> help  says what it does and which flags it takes

Exit code 0 when the figures hold, 1 when they do not.`,
  run: async (args) => {
    const [name, ...rest] = args
    if (name === undefined) {
      console.log(await list())
      return EXIT_DONE
    }
    if (!names().includes(name)) {
      const known = names().join(", ")
      throw new UsageError(`there is no demonstration "${name}"; there are: ${known}`)
    }
    const chosen = await loadShow(name)
    if (rest[0] !== "help") return chosen.run(rest)
    console.log(chosen.usage)
    return EXIT_DONE
  },
}
