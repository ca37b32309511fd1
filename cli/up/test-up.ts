// `weir up` as a process of its own for tests: its lines as they come, and its end.
import { freePorts } from "../../test/support/nats-server.ts"
import { inProject } from "../project.ts"

const running: Array<Bun.Subprocess> = []

/** Ends all that `startUpOn` started. */
export const stopUps = async (): Promise<void> => {
  for (const one of running.splice(0)) {
    one.kill("SIGTERM")
    await one.exited
  }
}

const commandOf = (port: number, data: string, words: ReadonlyArray<string>) => [
  process.execPath,
  inProject("cli", "main.ts"),
  "up",
  "--port",
  String(port),
  ...(words.includes("--grpc-port") ? [] : ["--grpc-port", "none"]),
  "--data",
  data,
  ...words,
]

/** Starts `weir up`; `line` waits for the next line of its output that has the text. */
export const startUpOn = (
  data: string,
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
) => {
  const [port = 0] = freePorts(1)
  const child = Bun.spawn(commandOf(port, data, words), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, NATS_URL: "", ...environment },
  })
  running.push(child)
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let text = ""
  let whole = ""
  const line = async (wanted: string): Promise<string> => {
    for (;;) {
      const lines = text.split("\n")
      const index = lines.slice(0, -1).findIndex((one) => one.includes(wanted))
      if (index >= 0) {
        text = lines.slice(index + 1).join("\n")
        return lines[index] ?? ""
      }
      const { value, done } = await reader.read()
      if (done) throw new Error(`weir up ended before it said "${wanted}":\n${text}`)
      const more = decoder.decode(value, { stream: true })
      text += more
      whole += more
    }
  }
  return { child, line, data, said: () => whole, url: `http://127.0.0.1:${port}` }
}

/** Runs `weir up` where it should end by itself at once. */
export const endedUp = (
  data: string,
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
) => {
  const [port = 0] = freePorts(1)
  const ended = Bun.spawnSync(commandOf(port, data, words), {
    env: { ...process.env, NATS_URL: "", ...environment },
  })
  return { code: ended.exitCode, said: ended.stdout.toString() + ended.stderr.toString() }
}
