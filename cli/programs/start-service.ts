// Starts a service of ours, as a child process or in the place of this one.
import { startChild, type ChildProcess, type Running } from "../up/child.ts"
import { serviceCommand } from "./programs.ts"
import type { Service } from "./services.ts"

/**
 * What a process of ours keeps of the memory that it no longer needs. Freed pages stay two seconds:
 * given back at once, as is usual, every large request has its pages made anew, a third of the CPU
 * of a request of 256 KiB. Pages that are free in part are looked for every ten seconds: left as it
 * is, a thread of each process looks all the time, half a percent of a core, whenever there is a
 * little traffic. The collector is told of less memory than there is, so that it lets the heap grow
 * less: 20 to 30 MB less a process under load; told of 384 MiB it takes a tenth more CPU.
 */
const MEMORY = {
  MIMALLOC_PURGE_DELAY: "2000",
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000",
  BUN_JSC_forceRAMSize: String(3 * 1024 * 1024 * 1024),
} as const

/**
 * Starts the service; what the caller's own environment says of memory counts. `onSources` is told
 * why where it is started from its sources.
 */
export const startService = async (
  service: Service,
  { environment, ...spec }: Omit<ChildProcess, "command">,
  onSources: (reason: string) => void = () => undefined,
): Promise<Running> =>
  startChild({
    ...spec,
    command: await serviceCommand(service, onSources),
    environment: { ...MEMORY, ...process.env, ...environment },
  })

/** That a service is started from its sources, as a sentence. */
export const fromSources = (name: string, reason: string): string =>
  `${name} is started from its sources, in twice the time and with more memory: ${reason}`

/** Goes on as the service: the same process, with nothing of this one's left in memory. */
export const becomeService = async (
  service: Service,
  flags: ReadonlyArray<string>,
): Promise<never> => {
  const onSources = (reason: string) => console.error(`weir: ${fromSources(service, reason)}`)
  const command = [...(await serviceCommand(service, onSources)), ...flags]
  process.execve?.(process.execPath, command, { ...MEMORY, ...process.env })
  throw new Error("this system cannot put one program in the place of another")
}
