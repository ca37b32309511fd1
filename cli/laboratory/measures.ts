// Figures of the parts as an operator gets them: their metrics over HTTP, and the memory that the
// system counts for a process.
import { readFile } from "node:fs/promises"

const KIB = 1024

/** The sum of a metric over its labels; `labels` narrows it, as in `by="sweep"`. */
export const readMetric = async (url: string, name: string, labels = ""): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0)
}

const residentFromProc = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8")
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * KIB
}

/** Where there is no /proc, as on macOS. */
const residentFromPs = async (pid: number): Promise<number> => {
  const child = Bun.spawn(["ps", "-o", "rss=", "-p", String(pid)], { stderr: "ignore" })
  return Number((await new Response(child.stdout).text()).trim()) * KIB
}

/** Resident memory of a process in bytes; 0 when it has ended. */
export const residentBytes = (pid: number): Promise<number> =>
  residentFromProc(pid)
    .catch(() => residentFromPs(pid))
    .catch(() => 0)
