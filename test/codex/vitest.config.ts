import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/codex/**/*.test.ts"],
    // The tests wait for other programs most of the time.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
