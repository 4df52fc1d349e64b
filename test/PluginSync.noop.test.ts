import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import * as CacheLock from "../src/CacheLock.ts"
import * as PluginStore from "../src/PluginStore.ts"
import { PluginVersion } from "../src/PluginVersion.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import { pluginId } from "./support/pluginWorld.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const layer = TestCodexPlugins.layerWith({ plugins: [alpha] })

describe("PluginSync.sync, with nothing to do", () => {
  it.effect(
    "takes no lock and changes nothing on disk",
    Effect.fnUntraced(function* () {
      yield* sync
      const disk = yield* MemoryFileSystem.Disk
      const lock = yield* CacheLock.CacheLock
      const locks: Array<string> = []
      const steps = disk.steps()
      const again = yield* PluginSync.make().pipe(
        Effect.provideService(CacheLock.CacheLock, {
          ...lock,
          hold: (effect) => Effect.suspend(() => (locks.push("hold"), lock.hold(effect))),
          internals: {
            ...lock.internals,
            commit: (effect) =>
              Effect.suspend(() => (locks.push("commit"), lock.internals.commit(effect)))
          }
        })
      )
      assert.deepStrictEqual((yield* again.sync).kept, [pluginId("alpha")])
      assert.deepStrictEqual(locks, [])
      assert.strictEqual(disk.steps(), steps)
      const { publish } = yield* TestBackend.TestBackend
      yield* publish(TestBackend.plugin({ name: "beta" }))
      yield* again.sync
      assert.isNotEmpty(locks)
    }, Effect.provide(layer))
  )

  it.effect(
    "asks for the listing once, even if it has something to do",
    Effect.fnUntraced(function* () {
      const { requests } = yield* TestBackend.TestBackend
      yield* sync
      assert.lengthOf(yield* requests({ kind: "listing" }), 1)
    }, Effect.provide(layer))
  )
})

describe("PluginSync.sync, with plugins switched off in config.toml", () => {
  it.effect(
    "requests nothing, changes nothing and says why",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { requests } = yield* TestBackend.TestBackend
      const { plan } = yield* PluginSync.PluginSync
      yield* sync
      const before = yield* requests()
      const config = `${TestCodexPlugins.root}/config.toml`
      const text = yield* fs.readFileString(config)
      yield* fs.writeFileString(config, text.replace(/^plugins = true$/m, "plugins = false"))
      const disk = yield* MemoryFileSystem.Disk
      const steps = disk.steps()
      const outcome = yield* sync
      assert.strictEqual(outcome.skipped, "PluginsDisabled")
      assert.deepStrictEqual(outcome.results, [])
      assert.deepStrictEqual((yield* plan).actions, [])
      assert.strictEqual(disk.steps(), steps)
      assert.deepStrictEqual(yield* requests(), before)
    }, Effect.provide(layer))
  )
})

describe("PluginSync.sync, for names that differ only in case", () => {
  const names = ["Alpha", "alpha"].map((name) =>
    TestBackend.plugin({ name, id: `plugins~Plugin_${name}` })
  )
  it.effect.each([true, false])(
    "fails for both names and installs neither (case-insensitive disk: %s)",
    (caseInsensitive) =>
      Effect.gen(function* () {
        const outcome = yield* sync
        assert.deepStrictEqual(
          outcome.failures.map(({ error }) => "reason" in error && error.reason._tag),
          ["CaseConflict", "CaseConflict"]
        )
        assert.deepStrictEqual(outcome.installed, [pluginId("beta")])
        const fs = yield* FileSystem.FileSystem
        assert.isFalse(
          yield* fs.exists(`${TestCodexPlugins.root}/plugins/cache/openai-curated-remote/alpha`)
        )
      }).pipe(
        Effect.provide(
          TestCodexPlugins.layerWith({
            plugins: [...names, TestBackend.plugin({ name: "beta" })],
            disk: { caseInsensitive }
          }).pipe(Layer.fresh)
        )
      )
  )
})

describe("PluginSync.sync, with a leased plugin", () => {
  it.effect(
    "defers a downgrade and a removal without a download, and makes them once the lease ends",
    Effect.fnUntraced(function* () {
      const store = yield* PluginStore.PluginStore
      const { requests, uninstall, update } = yield* TestBackend.TestBackend
      yield* sync
      yield* Effect.gen(function* () {
        yield* store.lease(pluginId("alpha"))
        yield* update(alpha.id, { version: "0.5.0" })
        const before = yield* requests({ kind: "bundle" })
        const downgrade = yield* sync
        assert.deepStrictEqual(
          downgrade.results.map((result) => [result._tag, "reason" in result && result.reason]),
          [["Deferred", "Leased"]]
        )
        assert.deepStrictEqual(downgrade.failures, [])
        assert.deepStrictEqual(yield* requests({ kind: "bundle" }), before)
        yield* uninstall(alpha.id)
        const removal = yield* sync
        assert.deepStrictEqual(
          removal.results.map(({ _tag, from, to }) => [_tag, from, to] as const),
          [["Deferred", PluginVersion.make("1.0.0"), PluginVersion.make("1.0.0")]]
        )
        assert.deepStrictEqual(removal.failures, [])
      }).pipe(Effect.scoped)
      assert.deepStrictEqual((yield* sync).removed, [pluginId("alpha")])
    }, Effect.provide(layer))
  )
})
