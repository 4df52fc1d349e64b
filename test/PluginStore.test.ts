import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import { HttpClient } from "effect/http"
import * as NodeFs from "node:fs"
import { Identity } from "../src/CacheSnapshot.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as CodexPlugins from "../src/CodexPlugins.ts"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import { build, open, pluginId, remoteId, root, stage } from "./support/pluginWorld.ts"
import { isReal } from "./support/system.ts"
import {
  a1,
  a2,
  active,
  alpha,
  baseRoot,
  identity,
  leftovers,
  look,
  prune,
  put,
  sidecar,
  sidecarText,
  store,
  suite,
  test,
  version,
  versions,
  writeSidecar
} from "./support/storeSuite.ts"

suite(() => {
  describe("the active version", () => {
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
      [["9.0.0", "10.0.0"], "10.0.0"],
      [["1.0.0-rc.1", "1.0.0"], "1.0.0"],
      [["1.0.0+a", "1.0.0+b"], "1.0.0+b"],
      [["10.0.0", "local"], "local"],
      [["nightly", "10.0.0"], "nightly"]
    ]
    for (const [standing, expected] of cases) {
      test(`of ${standing.join(", ")} is ${expected}`, () =>
        Effect.gen(function* () {
          for (const text of standing) yield* put(build("A", text))
          assert.deepStrictEqual(yield* active, Option.some(version(expected)))
        }))
    }

    test("ignores files, links and invalid names", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* put(a1)
        const root = yield* baseRoot
        yield* fs.writeFileString(`${root}/9.0.0`, "")
        yield* fs.symlink(`${root}/1.0.0`, `${root}/8.0.0`)
        yield* fs.makeDirectory(`${root}/7 0`)
        yield* fs.makeDirectory(`${root}/.codex-plugin-backup`)
        assert.deepStrictEqual(yield* active, Option.some(version("1.0.0")))
        assert.deepStrictEqual(yield* versions, [version(".codex-plugin-backup"), version("1.0.0")])
      }))

    test("does not exist if nothing is installed, and neither does an identity", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* active, Option.none())
        assert.deepStrictEqual(yield* identity, Option.none())
        assert.deepStrictEqual(yield* store((store) => store.list), [])
        yield* fs.makeDirectory(yield* baseRoot, { recursive: true })
        yield* writeSidecar(sidecarText("A"))
        assert.deepStrictEqual(yield* active, Option.none())
        assert.deepStrictEqual(yield* identity, Option.none())
      }))
  })

  test("PluginStore.list is sorted by plugin id across marketplaces", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { cache } = yield* CodexHome.CodexHome
      yield* stage(build("B", "1.0.0", "beta"))
      yield* stage(a1)
      yield* fs.makeDirectory(`${cache}/my-own/beta/1.0.0`, { recursive: true })
      yield* fs.makeDirectory(`${cache}/my-own/not a plugin`)
      const list = yield* store((store) => store.list)
      assert.deepStrictEqual(
        list.map(({ intact, pluginId }) => [pluginId, intact]),
        [
          [alpha, true],
          [PluginId.PluginId.make("beta@my-own"), false],
          [pluginId("beta"), true]
        ]
      )
    }))

  test("PluginStore lets a pass install, backfill, replace and remove", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* CodexHome.CodexHome
      const backend = yield* TestBackend.make()
      yield* backend.writeHome(root)
      const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync).pipe(
        Effect.provide(
          Layer.provide(
            CodexPlugins.layerServices,
            Layer.succeed(HttpClient.HttpClient, backend.httpClient)
          ),
          { local: true }
        )
      )
      const plugin = TestBackend.plugin({ name: "alpha", id: remoteId("A") })

      yield* backend.publish(plugin)
      assert.deepStrictEqual((yield* sync).installed, [alpha])
      yield* fs.remove(yield* sidecar)
      assert.deepStrictEqual((yield* sync).backfilled, [alpha])
      const path = yield* sidecar
      assert.deepStrictEqual(yield* look(path), [`${path} File 600 ${sidecarText("A")}`])

      yield* backend.remove(plugin.id)
      yield* backend.publish({ ...plugin, id: remoteId("B") })
      assert.deepStrictEqual((yield* sync).repaired, [alpha])
      assert.deepStrictEqual(yield* look(path), [`${path} File 600 ${sidecarText("B")}`])

      yield* backend.uninstall(remoteId("B"))
      assert.deepStrictEqual((yield* sync).removed, [alpha])
      assert.deepStrictEqual(yield* look(yield* baseRoot), [])
      assert.deepStrictEqual(yield* leftovers, [])
    }))

  describe.runIf(isReal)("beside others", () => {
    test("copes with names that are not UTF-8", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        yield* stage(a1)
        const root = yield* baseRoot
        for (const folder of [path.dirname(root), root, `${root}/1.0.0`]) {
          // Effect's layer cannot create these names.
          const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x31])])
          yield* Effect.promise(() => NodeFs.promises.mkdir(odd))
        }
        yield* stage(a2)
        assert.deepStrictEqual(yield* versions, [version("1.0.0"), version("2.0.0")])
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
        const { plugins, strays } = yield* store((store) => store.snapshot)
        assert.deepStrictEqual(
          plugins.map(({ pluginId }) => pluginId),
          [alpha]
        )
        assert.deepStrictEqual(strays, [])
        assert.isTrue(yield* prune("1.0.0"))
        assert.isTrue(yield* store((store) => store.uninstall(alpha)))
        yield* store((store) => store.sweep)
        assert.isFalse(yield* fs.exists(root))
      }))
  })
})

describe.skipIf(isReal)("PluginStore.list, while the cache changes", () => {
  it.effect("never gives one version's identity with another version", () =>
    Effect.gen(function* () {
      const { fileSystem: fs } = yield* MemoryFileSystem.make()
      yield* fs.makeDirectory(root)
      const writer = yield* open(fs)
      yield* Effect.provideContext(stage(a1), writer)
      let reads = 0
      const slow = FaultyFileSystem.make(fs, ({ method, paths }) =>
        method === "readFile" && paths[0]?.endsWith(InstallMetadata.fileName) && reads++ === 0
          ? Effect.orDie(Effect.provideContext(stage(build("B", "2.0.0")), writer))
          : Effect.void
      )
      const reader = Context.get(yield* open(slow), PluginStore.PluginStore)
      const [plugin] = yield* reader.list
      assert.deepStrictEqual(plugin?.active, Option.some(version("2.0.0")))
      assert.deepStrictEqual(
        plugin?.identity,
        Identity.Known({ remotePluginId: remoteId("B"), exact: true })
      )
    })
  )
})
