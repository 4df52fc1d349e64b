/**
 * The system that a test runs on, for tests that must hold on both: `npm test` runs them in memory,
 * `npm run test:system` on a real disk and over real connections.
 */
import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** Set by the projects of `vitest.config.ts`. */
    readonly system: "memory" | "real"
  }
}

export const isReal: boolean = inject("system") === "real"
