/**
 * Makes a folder for the programs that a test run builds, and removes it after the run.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestProject } from "vitest/node"

export default ({ provide }: TestProject) => {
  const folder = mkdtempSync(join(tmpdir(), "test-programs-"))
  provide("buildFolder", folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
