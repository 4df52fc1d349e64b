import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/homes/**/*.test.ts"],
    // The tests wait for other programs most of the time.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000
  }
})
