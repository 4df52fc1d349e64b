import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as FsPromises from "node:fs/promises"
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

/** Functions that load a module of Node when they are first called, by the modules that use them. */
const lazyBuiltins: ReadonlyArray<{
  readonly name: string
  readonly importer: RegExp
  readonly functions: ReadonlyArray<string>
}> = [
  // Only temporary files need it, and it takes a tenth of the time of `--version`.
  { name: "node:crypto", importer: /NodeFileSystem/, functions: ["randomBytes"] },
  // Only commands that start a program need it.
  { name: "node:child_process", importer: /src\/cli/, functions: ["spawn"] }
]

/** The modules that turn the compile cache on. They share no file with the rest of the program. */
const isBeforeCache = (module: string) => /src\/(?:main|cli\/compileCache)\.ts$/.test(module)

/** The promises of `node:fs`, which load its streams as well, so each function takes them when called. */
const promises = `{${Object.keys(FsPromises)
  .filter((name) => name !== "constants" && name !== "default")
  .map((name) => `${name}: (...options) => module.promises.${name}(...options)`)
  .join(", ")}}`

/**
 * Takes from modules of Node only what the program uses. An import of such a module reads all its
 * properties, some of which load other modules: Node's `fetch` for `node:http`, and for `node:fs` all
 * streams, which takes a tenth of the time of `--version`.
 */
const leanBuiltins: Plugin = {
  name: "lean-builtins",
  resolveId: (id, importer = "", { kind: use }) => {
    if (!id.startsWith("node:") || use === "dynamic-import") return null
    const lazy = lazyBuiltins.some(
      ({ importer: pattern, name }) => name === id && pattern.test(importer)
    )
    const kind = lazy ? "lazy" : isBeforeCache(importer) ? "first" : "lean"
    return { id: `\0${kind} ${id}`, moduleSideEffects: false }
  },
  load: (id) => {
    const [, kind, name = ""] = /^\0(lazy|first|lean) (node:.+)$/.exec(id) ?? []
    if (kind === undefined) return null
    const module = `process.getBuiltinModule(${JSON.stringify(name)})`
    if (kind !== "lazy") {
      const all = process.getBuiltinModule(name) ?? {}
      const names = Object.keys(all).filter((name) => name !== "default")
      return [
        `const module = /*#__PURE__*/ ${module}`,
        "export default module",
        ...names.map((of) => {
          const value = name === "node:fs" && of === "promises" ? promises : `module.${of}`
          return `const _${of} = ${value}\nexport { _${of} as ${of} }`
        })
      ].join("\n")
    }
    const functions = lazyBuiltins.find((lazy) => lazy.name === name)?.functions ?? []
    return functions
      .map((name) => `export const ${name} = (...options) => ${module}.${name}(...options)`)
      .join("\n")
  }
}

/**
 * Writes the program in ASCII. V8 keeps a file with any other character in twice the memory, and
 * takes longer to read it.
 */
const ascii: Plugin = {
  name: "ascii",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue
      file.code = file.code.replace(
        /[^\0-\x7f]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
      )
    }
  }
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
  plugins: [leanBuiltins, lazySegmenter, thirdPartyNotices, ascii],
  preserveEntrySignatures: false,
  // Several commands import the same modules, some when they start and some later.
  checks: { ineffectiveDynamicImport: false },
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
      groups: [
        // One file holds everything that each command needs.
        {
          name: "run",
          tags: ["$initial"],
          test: /^(?!.*(?:main|compileCache)\.ts$|\0first )/,
          priority: 3
        },
        // Each of these holds everything else that its commands need, in this order.
        { name: "seed", test: /\/src\/cli\/(?:errorJson|seed)\.ts$/, priority: 2 },
        {
          name: "pass",
          test: /\/src\/(?:cli\/(?:runCommand|sync)|internal\/nodeHttp)\.ts$/,
          priority: 1
        },
        { name: "commands", test: /\/src\/cli\/commands\.ts$/ }
      ]
    }
  }
})
