import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-codex-plugins$/, replacement: source("index.ts") },
      { find: /^effect-codex-plugins\/node$/, replacement: source("NodeCodexPlugins.ts") },
      { find: /^effect-codex-plugins\/testing$/, replacement: source("testing/index.ts") }
    ]
  },
  test: {
    // What hangs is to fail, and not what a busy machine takes its time for.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    exclude: [
      "test/codex/**",
      "test/homes/**",
      "test/torture/**",
      "test/bench/**",
      "node_modules/**"
    ]
  }
})
