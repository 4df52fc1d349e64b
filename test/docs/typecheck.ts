/**
 * The type check of `npm run check`: sources, tests, and the examples in comments.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { examples, folder } from "./examples.ts"

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
try {
  for (const [index, { of, text }] of examples().entries())
    writeFileSync(join(folder, `${of}.${index}.ts`), text)
  const { error, status } = spawnSync(
    "tsc",
    [
      "--noEmit",
      "--project",
      "test/tsconfig.json",
      // Several checkers take a third more processor time, which the tests beside this need.
      "--checkers",
      "1",
      "--incremental",
      "--tsBuildInfoFile",
      "node_modules/.cache/tests.tsbuildinfo"
    ],
    { stdio: "inherit" }
  )
  if (error !== undefined) throw error
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
