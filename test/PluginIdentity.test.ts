import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginIdentity from "../src/PluginIdentity.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const pluginId = PluginId.PluginId.make("alpha@openai-curated-remote")
const remoteId = RemotePluginId.RemotePluginId.make(alpha.id)
const localId = PluginId.PluginId.make("beta@mine")

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha] }))
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const identityOf = Effect.fnUntraced(function* (id: PluginId.PluginId) {
  const identities = yield* PluginIdentity.PluginIdentity
  const identity = yield* identities.of(id)
  return Option.getOrUndefined(identity)
})
const sidecar = Effect.map(PluginStore.PluginStore, ({ sidecarPath }) => sidecarPath(pluginId))

describe("PluginIdentity", () => {
  it.effect(
    "names a synced plugin by its sidecar",
    Effect.fnUntraced(function* () {
      yield* sync
      const identity = yield* identityOf(pluginId)
      assert.deepStrictEqual(identity && PluginIdentity.encode(identity), {
        plugin_id: "alpha@openai-curated-remote",
        remote_plugin_id: alpha.id,
        plugin_name: "alpha",
        marketplace_name: "openai-curated-remote",
        state: "Known"
      })
      const { all } = yield* PluginIdentity.PluginIdentity
      assert.deepStrictEqual(yield* all, [identity!])
    }, provide)
  )

  it.effect(
    "has no identity for a plugin that nobody knows, and asks no network",
    Effect.fnUntraced(function* () {
      assert.strictEqual(yield* identityOf(pluginId), undefined)
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, provide)
  )

  it.effect(
    "recognises a local install",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* PluginStore.PluginStore
      yield* fs.makeDirectory("/source/.codex-plugin", { recursive: true })
      yield* fs.writeFileString("/source/.codex-plugin/plugin.json", `{"name":"beta"}`)
      yield* store.install({ source: "/source", pluginId: localId })
      const identity = yield* identityOf(localId)
      assert.strictEqual(identity?.state, "Local")
      assert.strictEqual(identity?.remotePluginId, null)
    }, provide)
  )

  it.effect(
    "uses the listing's id for a plugin that has no sidecar or is not cached",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* sync
      yield* fs.remove(yield* sidecar)
      const identity = yield* identityOf(pluginId)
      assert.strictEqual(identity?.state, "NotBackfilled")
      assert.strictEqual(identity?.remotePluginId, alpha.id)
      const store = yield* PluginStore.PluginStore
      yield* store.uninstall(pluginId)
      assert.deepInclude(yield* identityOf(pluginId), {
        state: "NotCached",
        remotePluginId: remoteId
      })
    }, provide)
  )

  it.effect(
    "distinguishes a corrupt sidecar from one of a newer schema",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* sync
      yield* fs.writeFileString(yield* sidecar, "{")
      assert.deepInclude(yield* identityOf(pluginId), { state: "Corrupt", remotePluginId: null })
      yield* fs.writeFileString(yield* sidecar, `{"schema_version":2}`)
      assert.deepInclude(yield* identityOf(pluginId), {
        state: "UnsupportedSchema",
        remotePluginId: null
      })
    }, provide)
  )

  it.effect(
    "names no plugin while its identity is in doubt",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* CodexHome.CodexHome
      yield* sync
      yield* fs.remove(yield* sidecar)
      yield* fs.makeDirectory(home.staging, { recursive: true })
      yield* fs.writeFileString(`${home.staging}/codex-plugins-in-doubt-${pluginId}`, "")
      assert.deepInclude(yield* identityOf(pluginId), { state: "InDoubt", remotePluginId: null })
    }, provide)
  )
})
