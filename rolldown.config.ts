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
  output: {
    dir: "dist/bin",
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    minify: true,
    codeSplitting: {
      // What every command needs, in one file.
      groups: [{ name: "run", tags: ["$initial"], test: /^(?!.*main\.ts$)/ }]
    }
  }
})
