// The directions of imports, as design.md lays the folders out: from what is wired to what it is
// made of, never back.
import type { Imported } from "./imports.ts"
import { isForeign, isTest } from "./house-rules.ts"

const SERVICES = ["gateway", "predictor", "drift-monitor", "retrainer", "kafka-bridge"]
/** What each folder may import besides itself. */
const ALLOWED: Readonly<Record<string, ReadonlyArray<string>>> = {
  proto: [],
  core: ["proto"],
  ...Object.fromEntries(SERVICES.map((service) => [service, ["core", "proto"]])),
  cli: [...SERVICES, "core", "proto", "examples"],
  client: [],
  console: ["client"],
  bench: ["cli", "client", "core", "proto"],
  examples: ["client"],
}

/** Of the tests, what users run as well: a suite against any server. */
const FOR_USERS = "test/conformance/"

const folderOf = (path: string): string => path.split("/")[0] ?? ""
const isFile = (imported: Imported): imported is { readonly file: string } => "file" in imported

/** A test may use what its part uses, the supports of tests, and examples. */
const allowedFor = (path: string): ReadonlyArray<string> => {
  const allowed = ALLOWED[folderOf(path)] ?? []
  return isTest(path) ? [...allowed, "proto", "core", "test", "examples"] : allowed
}

/** What breaks the directions of imports in one file. */
export const directions = (
  path: string,
  imports: ReadonlyArray<Imported>,
): ReadonlyArray<string> => {
  const folder = folderOf(path)
  // Whole-system tests drive everything.
  if (folder === "test") return []
  if (!path.includes("/")) return []
  if (ALLOWED[folder] === undefined) return [`${folder}/ has no place in the layout`]
  const allowed = [folder, ...allowedFor(path)]
  return imports.filter(isFile).flatMap(({ file }) => {
    if (file === "package.json") return []
    if (folder === "cli" && file.startsWith(FOR_USERS)) return []
    if (!allowed.includes(folderOf(file))) return [`imports ${file}`]
    if (isTest(file) && !isTest(path)) return [`imports ${file}, which is for tests`]
    if (file.endsWith(".test.ts")) return [`imports the test ${file}`]
    if (file.endsWith("/main.ts") && folder !== "cli") return [`imports the wiring ${file}`]
    return []
  })
}

/** Packages that stay behind one folder, so that a successor can replace them. */
const BEHIND: Readonly<Record<string, string>> = {
  nats: "core/",
  kafkajs: "kafka-bridge/",
  "onnxruntime-node": "core/inference/",
}
export const packages = (path: string, imports: ReadonlyArray<Imported>): ReadonlyArray<string> => {
  if (isTest(path) || isForeign(path)) return []
  return imports.flatMap((imported) => {
    if (isFile(imported)) return []
    if (folderOf(path) === "client" && !imported.package.startsWith("node:"))
      return [`imports the package ${imported.package}; the client needs none`]
    const home = BEHIND[imported.package]
    return home === undefined || path.startsWith(home)
      ? []
      : [`imports ${imported.package}, which stays behind ${home}`]
  })
}

const PURE = [
  /^proto\//u,
  /^core\/(statistics|inference|quality)\//u,
  /^core\/registry\/release\.ts$/u,
]
export const isPure = (path: string): boolean =>
  !isTest(path) &&
  (PURE.some((pattern) => pattern.test(path)) || /(^|\/)decider?[a-z-]*\.ts$/u.test(path))

/**
 * How a pure file comes to reach the log or NATS, over however many imports; empty when it does
 * not.
 */
export const waysToTheLog = (
  path: string,
  importsByPath: ReadonlyMap<string, ReadonlyArray<Imported>>,
): ReadonlyArray<string> => {
  const seen = new Set<string>()
  const walk = (at: string, way: ReadonlyArray<string>): ReadonlyArray<string> => {
    if (seen.has(at)) return []
    seen.add(at)
    return (importsByPath.get(at) ?? []).flatMap((imported) => {
      if (!isFile(imported))
        return imported.package === "nats" ? [[...way, "nats"].join(" → ")] : []
      const onward = [...way, imported.file]
      return imported.file.startsWith("core/log/")
        ? [onward.join(" → ")]
        : walk(imported.file, onward)
    })
  }
  return walk(path, [])
}

/**
 * Reading the environment, the clock or randomness; `performance.now` is left to what measures its
 * own cost.
 */
const OUTSIDE = new RegExp(
  [
    String.raw`\bprocess\.env\b`,
    String.raw`\bBun\.env\b`,
    String.raw`\bDate\.now\b`,
    String.raw`\bnew Date\(\)`,
    String.raw`\bMath\.random\b`,
    String.raw`\b(randomUUID|getRandomValues|randomBytes|randomUUIDv7)\b`,
  ].join("|"),
  "u",
)
export const outsideWorld = (bare: string): ReadonlyArray<string> =>
  bare.split("\n").flatMap((line, at) => {
    const found = OUTSIDE.exec(line)?.[0]
    return found === undefined ? [] : [`${at + 1}: ${found}`]
  })
