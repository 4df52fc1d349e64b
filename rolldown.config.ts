import { fileURLToPath } from "node:url"
import { defineConfig } from "rolldown"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  input: { "codex-plugins": source("main.ts"), run: source("cli/run.ts") },
  platform: "node",
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
