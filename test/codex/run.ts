/**
 * `npm run test:codex`: the tests against released Codex. Arguments go to vitest.
 */
import * as BesideCodex from "./support/BesideCodex.ts"

const config = "test/codex/vitest.config.ts"

BesideCodex.runMain("The tests against released Codex", ["vitest", "run", "--config", config])
