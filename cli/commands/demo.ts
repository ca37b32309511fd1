// `weir demo`: plays the demonstration of cli/demo/ against a running gateway. The traffic and the
// figures are its work.
import { existsSync } from "node:fs"
import { CommandFailed, EXIT_DONE, type Command } from "../command.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"

export const demo: Command = {
  name: "demo",
  summary: "Real flight records through the gateway, with live rates",
  usage: `Usage: ./weir demo [flags]

Plays the records of examples/flights in their order through a gateway that runs (./weir up),
and shows live rates. --drift starts a Weir of its own instead, and ends with what drifted.
./weir demo help lists its flags.`,
  run: async (args) => {
    const path = inProject("cli", "demo", "demo.ts")
    if (!existsSync(path)) throw new CommandFailed("this checkout has no cli/demo/demo.ts")
    // Boundary: the file exports `demo`, as a demonstration of cli/show/ exports `show`.
    const module = (await import(path)) as { readonly demo: Show }
    if (args[0] !== "help") return module.demo.run(args)
    console.log(module.demo.usage)
    return EXIT_DONE
  },
}
