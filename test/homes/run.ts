/**
 * `npm run test:homes`: the built program as a process in homes and networks of all kinds, beside released
 * Codex if that can run here. Arguments go to vitest.
 */
import * as BesideCodex from "../codex/support/BesideCodex.ts"

BesideCodex.runMain(
  "The comparison with released Codex",
  ["vitest", "run", "--config", "test/homes/vitest.config.ts"],
  { orHere: true }
)
