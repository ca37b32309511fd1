// What a service is started from: one file with the part of our sources and packages that it needs.
// Started from its sources, a service loads every module of every package that it names something
// of: twice the time, and 25 MB more that stay. Where no such file can be made, the sources are
// started themselves.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { reasonOf } from "#core/service/logger"
import { projectFolder } from "../project.ts"
import { SERVICES, type Service } from "./services.ts"

/** What the services are made of. */
const SOURCES = [...SERVICES, "core", "proto"]
const PACKAGES = ["package.json", "bun.lock"]
/** Sets of programs that are kept: a system that runs starts its parts again from its own. */
const KEPT_MAX = 4

/** The command line of a service; flags may follow. */
export type CommandOf = (
  service: Service,
  /** Told why no program could be made, where the sources are started. */
  onSources: (reason: string) => void,
) => Promise<ReadonlyArray<string>>

/** Changes with every source and package, by its time and size, and with the runtime. */
const stampOf = (root: string): string => {
  const hash = createHash("sha256").update(Bun.version)
  const files = SOURCES.flatMap((source) =>
    readdirSync(join(root, source), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
      .map((path) => join(source, path)),
  )
  for (const path of files.sort()) {
    const { mtimeMs, size } = statSync(join(root, path))
    hash.update(`${path} ${mtimeMs} ${size}\n`)
  }
  for (const path of PACKAGES) hash.update(readFileSync(join(root, path)))
  return hash.digest("hex").slice(0, 16)
}

const firstLine = (text: string): string | undefined =>
  text.split("\n").find((line) => line.trim() !== "")

/** Those made last are kept. */
const removeOld = (folder: string): void => {
  const newest = readdirSync(folder)
    .map((name) => join(folder, name))
    .map((path) => ({ path, at: statSync(path).mtimeMs }))
    .sort((one, other) => other.at - one.at)
  for (const { path } of newest.slice(KEPT_MAX)) rmSync(path, { recursive: true, force: true })
}

/**
 * The programs of the checkout in `root`, made below its `.weir/programs` when they are not there
 * or a source has changed since, which takes half a second.
 */
export const programsOf = (root: string): CommandOf => {
  const folder = join(root, ".weir", "programs")
  const pathIn = (stamp: string, service: Service) => join(folder, stamp, `${service}.js`)
  const isMade = (stamp: string) => SERVICES.every((service) => existsSync(pathIn(stamp, service)))
  /** In a process of its own, which takes the bundler's memory with it. */
  const make = async (stamp: string): Promise<void> => {
    const script = join(import.meta.dir, "make-programs.ts")
    const child = Bun.spawn([process.execPath, script, root, join(folder, stamp)], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    })
    const said = await new Response(child.stderr).text()
    const code = await child.exited
    if (!isMade(stamp)) throw new Error(firstLine(said) ?? `making it ended with ${code}`)
    removeOld(folder)
  }
  let making: Promise<void> | undefined
  return async (service, onSources) => {
    try {
      const stamp = stampOf(root)
      if (!isMade(stamp)) {
        // Several services are started at once: one makes them for all.
        making ??= make(stamp).finally(() => {
          making = undefined
        })
        await making
        if (!isMade(stamp)) throw new Error("a source was changed meanwhile")
      }
      return [process.execPath, pathIn(stamp, service)]
    } catch (cause) {
      onSources(reasonOf(cause))
      return [process.execPath, join(root, service, "main.ts")]
    }
  }
}

export const serviceCommand = programsOf(projectFolder)
