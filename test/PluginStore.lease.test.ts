import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Path } from "effect"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import { build, layOut, pluginId, stage } from "./support/pluginWorld.ts"
import { reasonOf } from "./support/storeErrors.ts"

const alpha = pluginId("alpha")
const version = (text: string) => PluginVersion.PluginVersion.make(text)
const [a1, a2, a3, b3] = [
  build("A", "1.0.0"),
  build("A", "2.0.0"),
  build("A", "3.0.0"),
  build("B", "3.0.0")
]

const Memory = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.makeDirectory("/home/.codex", { recursive: true })
    return PluginStore.layer.pipe(
      Layer.provideMerge(CacheLock.layerInProcess),
      Layer.provideMerge(CodexHome.layerAt("/home/.codex"))
    )
  })
).pipe(Layer.provideMerge(Layer.merge(MemoryFileSystem.layerWith({}), Path.layer)), Layer.orDie)

const leasedAt = (text: string): PluginStore.PluginStoreError["reason"] => ({
  _tag: "Leased",
  version: version(text)
})

describe("PluginStore.lease", () => {
  it.effect(
    "gives the active version and its folder, and leaves nothing when its scope closes",
    () =>
      Effect.gen(function* () {
        const store = yield* PluginStore.PluginStore
        const fs = yield* FileSystem.FileSystem
        const { staging } = yield* CodexHome.CodexHome
        yield* stage(a1)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* store.lease(alpha)
            assert.deepStrictEqual(lease, {
              pluginId: alpha,
              version: version("1.0.0"),
              root: store.versionRoot(alpha, version("1.0.0"))
            })
            assert.deepStrictEqual(yield* store.leased(alpha), [version("1.0.0")])
            yield* store.sweep
            assert.deepStrictEqual(yield* store.leased(alpha), [version("1.0.0")])
          })
        )
        assert.deepStrictEqual(yield* store.leased(alpha), [])
        assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
      }).pipe(Effect.provide(Memory))
  )

  it.effect("fails with NotInstalled if no version is active", () =>
    Effect.gen(function* () {
      const store = yield* PluginStore.PluginStore
      assert.strictEqual((yield* reasonOf(Effect.scoped(store.lease(alpha))))._tag, "NotInstalled")
    }).pipe(Effect.provide(Memory))
  )

  it.effect(
    "lets an upgrade install beside the leased version, and keeps that from being pruned",
    () =>
      Effect.gen(function* () {
        const store = yield* PluginStore.PluginStore
        yield* stage(a1)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lease(alpha)
            yield* stage(a2)
            assert.deepStrictEqual(yield* store.activeVersion(alpha), Option.some(version("2.0.0")))
            assert.deepStrictEqual(
              yield* reasonOf(store.prune(alpha, version("1.0.0"))),
              leasedAt("1.0.0")
            )
            yield* stage(a3)
            assert.isTrue(yield* store.prune(alpha, version("2.0.0")))
          })
        )
        assert.isTrue(yield* store.prune(alpha, version("1.0.0")))
      }).pipe(Effect.provide(Memory))
  )

  it.effect(
    "makes repair, downgrade, change of owner, removal and uninstall fail with Leased",
    () =>
      Effect.gen(function* () {
        const store = yield* PluginStore.PluginStore
        yield* stage(a2)
        const plugin = Option.getOrThrow(yield* store.read(alpha))
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lease(alpha)
            const changes = [
              stage(a2),
              stage(a1),
              stage(b3),
              store.remove(plugin),
              store.uninstall(alpha)
            ]
            for (const change of changes) {
              assert.deepStrictEqual(yield* reasonOf(change), leasedAt("2.0.0"))
              assert.deepStrictEqual(yield* store.read(alpha), Option.some(plugin))
            }
          })
        )
        assert.isTrue(yield* store.remove(plugin))
      }).pipe(Effect.provide(Memory))
  )

  it.effect("does not stop a forced install or uninstall", () =>
    Effect.gen(function* () {
      const store = yield* PluginStore.PluginStore
      const source = "/home/source"
      yield* stage(a2)
      yield* layOut(a1, source)
      yield* store.lease(alpha)
      const options = { source, pluginId: alpha, version: version("1.0.0") }
      const error = yield* Effect.flip(store.install(options))
      assert.strictEqual(
        error.message,
        `cannot install ${alpha}: a running process still uses version 2.0.0; try again when it has ended, or force the change`
      )
      yield* store.install({ ...options, force: true })
      assert.deepStrictEqual(yield* store.activeVersion(alpha), Option.some(version("1.0.0")))
      yield* store.lease(alpha)
      assert.strictEqual((yield* reasonOf(store.uninstall(alpha)))._tag, "Leased")
      assert.isTrue(yield* store.uninstall(alpha, { force: true }))
    }).pipe(Effect.scoped, Effect.provide(Memory))
  )

  it.effect("does not affect other plugins", () =>
    Effect.gen(function* () {
      const store = yield* PluginStore.PluginStore
      yield* stage(a1)
      yield* stage({ ...a1, name: "beta" })
      yield* store.lease(alpha)
      assert.isTrue(yield* store.uninstall(pluginId("beta")))
    }).pipe(Effect.scoped, Effect.provide(Memory))
  )
})
