// `weir bench`: starts the benches of bench/ as a process of their own. What each measures is in
// bench/README.md.
import { inProject } from "../project.ts"
import type { Command } from "../command.ts"

export const bench: Command = {
  name: "bench",
  summary: "Measures: latency, saturation, peers, ceilings, profile, soak",
  usage: `Usage: ./weir bench              everything below but pair, one after another
       ./weir bench 1000rpm      1,000 requests a minute at fixed times, 5 minutes
       ./weir bench saturation   1, 32 and 128 callers, 1 and 32 rows, HTTP and NATS
       ./weir bench ceilings     HTTP, model, NATS, one write and two, each alone
       ./weir bench profile      CPU per request and process, and the hot functions
       ./weir bench sync         the disk synced before each acknowledgement
       ./weir bench peers        FastAPI, MLServer, BentoML, Ray Serve, LitServe, PyTriton
       ./weir bench start        ./weir up to the first answer, on a log that has facts
       ./weir bench tensors      [64, 1024] floats a request, as JSON and as raw bytes
       ./weir bench drift        the drift tests against alibi-detect and SciPy, and beside serving
       ./weir bench soak         10 minutes at 70 % of saturation
       ./weir bench pair A B     two commits, or settings KEY=VALUE, in turn ("." is as it is)

  --seconds N   seconds of each measured cell     --minutes N  the same in minutes
  --warmup N    seconds that are not recorded     --rounds N   rounds of a pair (5)
  --callers N   callers of a profile or a pair    --rate N     requests a second of a soak
  --only NAMES  some of the peers                 --setup      only install what peers need

Reports are written to .weir/bench/<date>/ as JSON, Markdown and SVG. Memory and CPU of processes
are measured on Linux only. Exit code 1 when a figure that must hold did not.`,
  run: async (args) => {
    const child = Bun.spawn([process.execPath, inProject("bench", "main.ts"), ...args], {
      stdio: ["inherit", "inherit", "inherit"],
    })
    // It ends what it started. A terminal's Ctrl-C reaches it a second time, which changes nothing.
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => child.kill(signal))
    return child.exited
  },
}
