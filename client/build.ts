// Builds the package into dist/: one ESM file for every platform, and its declarations.
//   bun client/build.ts
// The declarations need TypeScript, a development dependency of this folder alone: `bun install`
// in it. Without it the build fails, unless `--no-declarations` says that only the JavaScript is
// wanted.
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"

const HERE = import.meta.dir
const COMPILER = join(HERE, "node_modules", ".bin", "tsc")

/** Writes `client.js` (with a source map) into the folder. */
export const buildJavaScript = async (outdir: string): Promise<void> => {
  await Bun.build({
    entrypoints: [join(HERE, "client.ts")],
    outdir,
    format: "esm",
    target: "browser",
    sourcemap: "linked",
  })
}

/** The compiler that is installed in this folder. */
export const ownCompiler = (): string | undefined => (existsSync(COMPILER) ? COMPILER : undefined)

/** Writes `client.d.ts` and those that it imports into the folder. */
export const buildDeclarations = async (outdir: string, compiler: string): Promise<void> => {
  const run = Bun.spawn([compiler, "-p", join(HERE, "tsconfig.build.json"), "--outDir", outdir], {
    stdout: "inherit",
    stderr: "inherit",
  })
  const code = await run.exited
  if (code !== 0) throw new Error(`tsc ended with ${code}`)
  // Every resolution of TypeScript finds the declarations of a .js, few those of a .ts.
  for (const name of new Bun.Glob("*.d.ts").scanSync(outdir)) {
    const path = join(outdir, name)
    const text = await Bun.file(path).text()
    await Bun.write(path, text.replaceAll(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'))
  }
}

if (import.meta.main) {
  const dist = join(HERE, "dist")
  rmSync(dist, { recursive: true, force: true })
  await buildJavaScript(dist)
  if (!process.argv.includes("--no-declarations")) {
    const compiler = ownCompiler()
    if (compiler === undefined)
      throw new Error("TypeScript is not here: run `bun install` in client/")
    await buildDeclarations(dist, compiler)
  }
}
