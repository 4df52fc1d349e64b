/**
 * The program as it ships, and helpers that tests run as processes. Each is built once per worker, because
 * a built program starts in a fraction of the time that its sources need.
 */
import { assert, inject } from "vitest"
import { rolldown } from "rolldown"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import shipped from "../../rolldown.config.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A folder that exists for one run of the tests. */
    readonly buildFolder: string
  }
}

const helpers = [
  "holdLease",
  "busyLock",
  "holdClaim",
  "holdLock",
  "registerOwner",
  "sharedCache",
  "terminalProgram"
] as const

const folder = (name: string) =>
  join(inject("buildFolder"), process.env["VITEST_POOL_ID"] ?? "0", name)

const once = (build: () => Promise<string>) => {
  let built: Promise<string> | undefined
  return () => (built ??= build())
}

/** The path of `codex-plugins`, built as the package has it. */
export const codexPlugins: () => Promise<string> = once(async () => {
  assert.isObject(shipped.output)
  const dir = folder("program")
  const build = await rolldown(shipped)
  await build.write({ ...shipped.output, dir })
  return join(dir, "codex-plugins.js")
})

const builtHelpers = once(async () => {
  const dir = folder("helpers")
  const build = await rolldown({
    input: Object.fromEntries(
      helpers.map((name) => [name, fileURLToPath(new URL(`${name}.ts`, import.meta.url))])
    ),
    platform: "node",
    treeshake: shipped.treeshake ?? true
  })
  await build.write({ dir, format: "esm" })
  return dir
})

/** The path of a script of this folder, built together with its imports. */
export const helper = async (name: (typeof helpers)[number]): Promise<string> =>
  join(await builtHelpers(), `${name}.js`)
