import { defineConfig } from "vitest/config"
import base from "../../vitest.config.ts"

export default defineConfig({
  resolve: base.resolve ?? {},
  test: { include: ["test/fleet/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 }
})
