import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as PluginVerifier from "../src/PluginVerifier.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const beta = TestBackend.plugin({ name: "beta" })
const pluginId = PluginId.PluginId.make("alpha@openai-curated-remote")

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha, beta] }))
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const verify = (options?: PluginVerifier.Options) =>
  Effect.flatMap(PluginVerifier.PluginVerifier, ({ verify }) => verify(options))
const root = Effect.map(PluginStore.PluginStore, ({ versionRoot }) =>
  versionRoot(pluginId, PluginVersion.PluginVersion.make("1.0.0"))
)
const tags = ({ results }: PluginVerifier.Report) =>
  results.map((result) => [result.pluginId.split("@")[0], result._tag])
const staged = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { staging } = yield* CodexHome.CodexHome
  return yield* fs.readDirectory(staging).pipe(Effect.orElseSucceed(() => []))
})

describe("PluginVerifier", () => {
  it.effect(
    "verifies what a sync installed and leaves staging empty",
    Effect.fnUntraced(function* () {
      yield* sync
      const report = yield* verify()
      assert.deepStrictEqual(tags(report), [
        ["alpha", "Verified"],
        ["beta", "Verified"]
      ])
      assert.isTrue(report.isOk)
      assert.deepStrictEqual(yield* staged, [])
    }, provide)
  )

  it.effect(
    "lists added, missing and changed files, and repairs them on request",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* sync
      const folder = yield* root
      const files = (yield* fs.readDirectory(folder, { recursive: true })).toSorted()
      const manifest = ".codex-plugin/plugin.json"
      const bytes = yield* fs.readFile(`${folder}/${manifest}`)
      bytes[bytes.length - 2] = 32
      yield* fs.writeFile(`${folder}/${manifest}`, bytes)
      yield* fs.writeFileString(`${folder}/extra.txt`, "x")
      const report = yield* verify({ plugins: [pluginId] })
      assert.isFalse(report.isOk)
      assert.deepStrictEqual(report.results, [
        {
          _tag: "Different",
          pluginId,
          version: PluginVersion.PluginVersion.make("1.0.0"),
          difference: { added: ["extra.txt"], missing: [], changed: [manifest] },
          repaired: false
        }
      ])
      yield* fs.remove(`${folder}/${manifest}`)
      const repaired = yield* verify({ plugins: [pluginId], repair: true })
      assert.isTrue(repaired.isOk)
      assert.deepInclude(repaired.results[0], { _tag: "Different", repaired: true })
      assert.deepStrictEqual(
        (yield* fs.readDirectory(folder, { recursive: true })).toSorted(),
        files
      )
      assert.deepStrictEqual(tags(yield* verify({ plugins: [pluginId] })), [["alpha", "Verified"]])
    }, provide)
  )

  it.effect(
    "compares no version with the bundle of another one",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* sync
      yield* backend.update(alpha.id, { version: "2.0.0" })
      const store = yield* PluginStore.PluginStore
      yield* store.uninstall(PluginId.PluginId.make("beta@openai-curated-remote"))
      const report = yield* verify()
      assert.deepStrictEqual(tags(report), [
        ["alpha", "Outdated"],
        ["beta", "NotCached"]
      ])
      assert.isFalse(report.isOk)
    }, provide)
  )

  it.effect(
    "reports the plugin whose bundle cannot be downloaded",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* sync
      yield* backend.update(alpha.id, { bundle: new Uint8Array([1, 2, 3]) })
      assert.deepStrictEqual(tags(yield* verify()), [
        ["alpha", "Failed"],
        ["beta", "Verified"]
      ])
      assert.deepStrictEqual(yield* staged, [])
    }, provide)
  )
})
