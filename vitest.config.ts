import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/codex/**", "test/torture/**", "test/bench/**", "node_modules/**"]
  }
})
