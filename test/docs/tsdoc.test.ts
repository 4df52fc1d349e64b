import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { modules } from "./exports.ts"

const all = modules(fileURLToPath(new URL("../../src", import.meta.url)), ".ts")

/** Public exports whose comment fails a check. */
const failing = (check: (doc: string) => boolean) =>
  all.flatMap(({ exports, name: module }) =>
    exports
      .filter(({ doc = "" }) => !doc.includes("@internal") && !check(doc))
      .map(({ name }) => `${module}.${name}`)
  )

describe("the TSDoc of every export", () => {
  it("covers the three entry points", () => {
    const names = all.map(({ name }) => name)
    assert.includeMembers(names, ["PluginStore", "NodeCodexPlugins", "TestBackend"])
    assert.isAbove(all.flatMap(({ exports }) => exports).length, 200)
  })

  it("says what the export is for", () =>
    assert.deepStrictEqual(
      failing((doc) => /^(?!@)\S/.test(doc)),
      []
    ))

  it("has a category", () =>
    assert.deepStrictEqual(
      failing((doc) => /^@category [a-z]/m.test(doc)),
      []
    ))

  it("says since which version it exists", () =>
    assert.deepStrictEqual(
      failing((doc) => /^@since 0\.[12]\.0$/m.test(doc)),
      []
    ))
})
