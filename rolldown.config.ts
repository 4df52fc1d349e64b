import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type Plugin } from "rolldown"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** The folder of the package that a bundled module belongs to; undefined for a module of ours. */
const packageOf = (module: string): string | undefined => {
  if (!module.includes("/node_modules/")) return undefined
  let folder = dirname(module)
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder)
  // Packages may have manifests without a name in their inner folders.
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  return name === undefined ? packageOf(dirname(folder)) : folder
}

/** Name, version, licence and licence text of a package. */
const noticeOf = (folder: string): string => {
  const { license, name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
  if (file === undefined) throw new Error(`${name} has no licence file`)
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`
}

/** Writes the licences of all bundled packages beside the program. */
const thirdPartyNotices: Plugin = {
  name: "third-party-notices",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((file) =>
      file.type === "chunk" ? file.moduleIds : []
    )
    const packages = new Set(modules.flatMap((module) => packageOf(module) ?? []))
    this.emitFile({
      type: "asset",
      fileName: "THIRD-PARTY-NOTICES.txt",
      source: [
        "The program contains code of these packages.\n",
        ...[...packages].toSorted().map(noticeOf)
      ].join(`\n${"-".repeat(80)}\n\n`)
    })
  }
}

/** A module of Node, and what the program takes of it instead of importing it. */
interface Lean {
  readonly name: string
  readonly importer: RegExp
  readonly code: string
}

const lean: ReadonlyArray<Lean> = [
  {
    // An import reads all properties, one of which loads Node's `fetch`: a tenth of a cold sync.
    name: "node:http",
    importer: /./,
    code: 'export const { Agent, createServer, request } = process.getBuiltinModule("node:http")'
  },
  {
    // Only temporary files need it, and it takes a tenth of the time of `--version`.
    name: "node:crypto",
    importer: /NodeFileSystem/,
    code: 'export const randomBytes = (size) => process.getBuiltinModule("node:crypto").randomBytes(size)'
  },
  {
    // Only commands that start a program need it.
    name: "node:child_process",
    importer: /src\/cli/,
    code: 'export const spawn = (...options) => process.getBuiltinModule("node:child_process").spawn(...options)'
  }
]

/** Keeps parts of Node that the program does not use from being loaded. */
const leanBuiltins: Plugin = {
  name: "lean-builtins",
  resolveId: (id, importer = "") =>
    lean.some(({ name, importer: pattern }) => name === id && pattern.test(importer))
      ? { id: `\0lean ${id}`, moduleSideEffects: false }
      : null,
  load: (id) => lean.find(({ name }) => id === `\0lean ${name}`)?.code ?? null
}

/** A statement of a module that makes a value which only some commands use. */
const eager = /const (\w+) = \/\*#__PURE__\*\/\s*(new Intl\.Segmenter\([^)]*\));/

/**
 * Makes the segmenter of Effect's help when it is first used. Otherwise each start of the program
 * loads the data of the Unicode library, which takes a fifth of the time of `--version`.
 */
const lazySegmenter: Plugin = {
  name: "lazy-segmenter",
  transform(code, id) {
    if (!id.endsWith("/effect/dist/cli/CliOutput.js")) return null
    const lazy = code.replace(
      eager,
      (_, name, made) =>
        `let lazy; const ${name} = { segment: (text) => (lazy ??= ${made}).segment(text) };`
    )
    if (lazy === code) throw new Error("Effect's help makes its segmenter in another way")
    return lazy
  }
}

export default defineConfig({
  input: { "codex-plugins": source("main.ts"), run: source("cli/run.ts") },
  platform: "node",
  plugins: [leanBuiltins, lazySegmenter, thirdPartyNotices],
  preserveEntrySignatures: false,
  treeshake: {
    // No getter in the bundled code has side effects. Without this, unused Effect schemas remain.
    propertyReadSideEffects: false
  },
  output: {
    dir: "dist/bin",
    format: "esm",
    entryFileNames: ({ name }) => (name === "codex-plugins" ? "[name].js" : "[name]-[hash].js"),
    chunkFileNames: "[name]-[hash].js",
    cleanDir: true,
    minify: true,
    codeSplitting: {
      // One file holds everything that each command needs.
      groups: [{ name: "run", tags: ["$initial"], test: /^(?!.*(?:main|compileCache)\.ts$)/ }]
    }
  }
})
