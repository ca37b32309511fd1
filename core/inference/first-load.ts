// Loads and runs a model file for the first time, in a child process: what crashes or hangs there
// is refused, and the process that asked goes on. It registers nothing.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import type { DeclaredSignature } from "#proto/signature"
import { FirstLoad, FirstLoadAnswer, type FirstLoadTask } from "./first-load-messages.ts"
import { refuse } from "./model-refused.ts"

/**
 * Reading, loading and a dozen runs: generous for models of some hundred megabytes on a busy
 * machine.
 */
export const FIRST_LOAD_MAX_MILLIS = 120_000

const CHILD = fileURLToPath(new URL("./first-load-child.ts", import.meta.url))
/** What is shown of the child's last words. */
const WORDS_MAX_CHARACTERS = 500

/** The child process ended for a reason that is not the model's. */
export class FirstLoadFailed extends Schema.TaggedError<FirstLoadFailed>()("FirstLoadFailed", {
  reason: Schema.String,
}) {
  override get message() {
    return `the first load of the model failed: ${this.reason}`
  }
}

export interface FirstLoadOptions {
  readonly timeoutMillis?: number
  /** Told of the child process when it is started. */
  readonly onSpawn?: (pid: number) => void
}

export type { FirstLoad }

/**
 * Reads the graph, derives the signature, loads the model and runs it on generated inputs, in a
 * process of its own. Rejects with ModelRefused (what is wrong with the file or its declaration, a
 * crash, a time-out) and with FirstLoadFailed for what is not the model's fault.
 */
export const firstLoad = async (
  bytes: Uint8Array,
  declared?: DeclaredSignature,
  options: FirstLoadOptions = {},
): Promise<FirstLoad> => {
  const folder = await mkdtemp(join(tmpdir(), "weir-first-load-"))
  try {
    const model = join(folder, "model.onnx")
    await writeFile(model, bytes)
    const answer = await runChild(
      { model, ...(declared === undefined ? {} : { declared }) },
      options,
    )
    if ("refused" in answer) return refuse(answer.refused)
    return answer.loaded
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const decodeAnswer = Schema.decodeUnknownSync(FirstLoadAnswer)

const runChild = async (
  task: FirstLoadTask,
  options: FirstLoadOptions,
): Promise<FirstLoadAnswer> => {
  const timeoutMillis = options.timeoutMillis ?? FIRST_LOAD_MAX_MILLIS
  let answer: unknown
  let late = false
  const child = Bun.spawn([process.execPath, CHILD], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    ipc: (message) => {
      answer = message
    },
  })
  options.onSpawn?.(child.pid)
  const deadline = setTimeout(() => {
    late = true
    child.kill("SIGKILL")
  }, timeoutMillis)
  try {
    child.send(task)
    const [words] = await Promise.all([new Response(child.stderr).text(), child.exited])
    if (answer !== undefined) return decodeAnswer(answer)
    if (late) return { refused: `it did not load and run within ${timeoutMillis} ms` }
    if (child.signalCode !== null)
      return { refused: `loading or running it crashed the runtime (${child.signalCode})` }
    const last = words.trim().slice(-WORDS_MAX_CHARACTERS)
    throw new FirstLoadFailed({ reason: `exit code ${child.exitCode}: ${last}` })
  } finally {
    clearTimeout(deadline)
  }
}
