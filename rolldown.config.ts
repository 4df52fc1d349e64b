import { fileURLToPath } from "node:url"
import { defineConfig } from "rolldown"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  input: { "codex-plugins": source("main.ts"), run: source("cli/run.ts") },
  platform: "node",
  preserveEntrySignatures: false,
  treeshake: {
    // Nothing here does work in a getter; else Effect's schemas of other things stay in.
    propertyReadSideEffects: false
  },
  transform: {
    inject: { "Intl.Segmenter": [source("cli/LazySegmenter.ts"), "Segmenter"] }
  },
  plugins: [
    {
      name: "package-type",
      generateBundle() {
        this.emitFile({ type: "asset", fileName: "package.json", source: '{"type":"commonjs"}\n' })
      }
    }
  ],
  output: {
    dir: "dist/bin",
    // V8 gives out what it compiled of CommonJS, and not of modules; see src/cli/codeCache.ts.
    format: "cjs",
    dynamicImportInCjs: false,
    entryFileNames: ({ name }) => (name === "codex-plugins" ? "[name].js" : "[name]-[hash].js"),
    chunkFileNames: "[name]-[hash].js",
    cleanDir: true,
    minify: true,
    codeSplitting: {
      // What every command needs, in one file.
      groups: [{ name: "run", tags: ["$initial"], test: /^(?!.*(?:main|codeCache)\.ts$)/ }]
    }
  }
})
