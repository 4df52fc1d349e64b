import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as CuratedManifest from "../../../src/internal/bundle/curatedManifest.ts"

describe("CuratedManifest.withVersion", () => {
  it.each([
    ['{"name":"a"}', '{\n  "name": "a",\n  "version": "2.0.0"\n}\n'],
    ['{"version":"1","name":"a"}', '{\n  "version": "2.0.0",\n  "name": "a"\n}\n'],
    ['{"version":7,"name":"a","version":null}', '{\n  "version": "2.0.0",\n  "name": "a"\n}\n'],
    ["{}", '{\n  "version": "2.0.0"\n}\n'],
    ['{"n":1.0,"2":0,"1":0}', '{\n  "n": 1.0,\n  "2": 0,\n  "1": 0,\n  "version": "2.0.0"\n}\n']
  ])("sets the version of %s", (text, written) => {
    assert.strictEqual(Option.getOrNull(CuratedManifest.withVersion(text, "2.0.0")), written)
  })

  it.each([
    "[]",
    "null",
    '"a"',
    "{",
    `{"a":"\\ud800"}`,
    `{"a":${"[".repeat(127)}${"]".repeat(127)}}`
  ])("sets no version in %s", (text) => {
    assert.isTrue(Option.isNone(CuratedManifest.withVersion(text, "2.0.0")))
  })
})

describe("CuratedManifest.appManifestPath", () => {
  it.each([
    ["./apps.json", "apps.json"],
    ["./x//y.json", "x/y.json"],
    ["././y.json", "y.json"],
    ["./x/", "x"],
    ["./.codex-plugin/plugin.json", ".codex-plugin/plugin.json"],
    ["./a..b/..c", "a..b/..c"]
  ])("accepts the path %s", (apps, path) => {
    assert.strictEqual(CuratedManifest.appManifestPath({ apps }).join("/"), path)
  })

  it.each([
    undefined,
    null,
    7,
    "",
    "apps.json",
    "/apps.json",
    " ./apps.json",
    ".",
    "./",
    "./.",
    "../apps.json",
    "./../apps.json",
    "./a/../b",
    "./..",
    "./..\\evil",
    "./C:evil",
    "./a\0b",
    "./a\nb"
  ])("returns the default path for %j", (apps) => {
    assert.deepStrictEqual(CuratedManifest.appManifestPath({ apps }), [".app.json"])
  })

  it.each([undefined, null, "./x", [], {}])(
    "returns the default path for the manifest %j",
    (manifest) => {
      assert.deepStrictEqual(CuratedManifest.appManifestPath(manifest), [".app.json"])
    }
  )
})
