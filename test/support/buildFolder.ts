/**
 * Gives each run of the tests a folder for what they build, and removes it afterwards.
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
