import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, Option, Path, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type CachedPlugin, Identity, type Stray } from "../src/CacheSnapshot.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { build, pluginId, remoteId, stage } from "./support/pluginWorld.ts"
import { writeFiles } from "./support/files.ts"
import {
  a1,
  a2,
  active,
  alpha,
  baseRoot,
  identity,
  leftovers,
  look,
  lookAtCache,
  ownFolder,
  prune,
  put,
  type Services,
  store,
  suite,
  test,
  version,
  versions
} from "./support/storeSuite.ts"

suite(() => {
  describe("PluginStore.uninstall", () => {
    const uninstall = store((store) => store.uninstall(alpha))

    test("removes the plugin's folder with its identity, and nothing else", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { root } = yield* CodexHome.CodexHome
        const data = `${root}/plugins/data/alpha-openai-curated-remote`
        yield* fs.makeDirectory(data, { recursive: true })
        yield* fs.writeFileString(`${data}/state`, "kept")
        yield* stage(a1)
        yield* stage(a2)
        yield* stage(build("B", "1.0.0", "beta"))
        assert.isTrue(yield* uninstall)
        assert.deepStrictEqual(yield* look(yield* baseRoot), [])
        assert.deepStrictEqual(yield* identity, Option.none())
        assert.deepStrictEqual(
          (yield* store((store) => store.list)).map(({ pluginId }) => pluginId),
          [pluginId("beta")]
        )
        assert.strictEqual(yield* fs.readFileString(`${data}/state`), "kept")
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("does nothing if the plugin is not cached", () =>
      Effect.gen(function* () {
        assert.isFalse(yield* uninstall)
        assert.deepStrictEqual(yield* lookAtCache, [])
      }))

    test("removes a plugin's folder that is a file or a link, but not the link's target", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { root } = yield* CodexHome.CodexHome
        yield* writeFiles(`${root}/outside`, { kept: "" })
        const place = yield* baseRoot
        yield* fs.makeDirectory(path.dirname(place), { recursive: true })
        yield* fs.symlink(`${root}/outside`, place)
        assert.isTrue(yield* uninstall)
        yield* fs.writeFileString(place, "")
        assert.isTrue(yield* uninstall)
        assert.deepStrictEqual(yield* look(place), [])
        assert.isTrue(yield* fs.exists(`${root}/outside/kept`))
      }))
  })

  describe("PluginStore.prune", () => {
    test("deletes a superseded version, but neither the active one nor a missing one", () =>
      Effect.gen(function* () {
        yield* stage(a1)
        yield* stage(a2)
        assert.deepStrictEqual(yield* Effect.forEach(["2.0.0", "3.0.0", "1.0.0", "1.0.0"], prune), [
          false,
          false,
          true,
          false
        ])
        assert.deepStrictEqual(yield* versions, [version("2.0.0")])
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("deletes no version if another one would become active", () =>
      Effect.gen(function* () {
        // 10.0.0 is above 9.0.0, which is above 5x, which is above 10.0.0.
        for (const text of ["10.0.0", "5x", "9.0.0"]) yield* put(build("A", text))
        const before = yield* active
        for (const text of ["10.0.0", "5x", "9.0.0"]) {
          yield* prune(text)
          assert.deepStrictEqual(yield* active, before)
        }
      }))
  })

  describe("PluginStore.remove", () => {
    const snapshot = store((store) => store.snapshot)
    const remove = (target: CachedPlugin | Stray) => store((store) => store.remove(target))
    const cachedPlugin = Effect.map(snapshot, ({ plugins: [plugin] }) => plugin!)

    test("removes a plugin of the snapshot", () =>
      Effect.gen(function* () {
        yield* stage(a1)
        assert.isTrue(yield* remove(yield* cachedPlugin))
        assert.deepStrictEqual(yield* look(yield* baseRoot), [])
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    const changes: Readonly<
      Record<string, Effect.Effect<unknown, unknown, Services | Scope.Scope>>
    > = {
      "a version came": stage(a2),
      "a sidecar came": Effect.andThen(
        store((store) => store.clearIdentity(alpha)),
        store((store) => store.writeIdentity(alpha, remoteId("B")))
      ),
      "it was taken out and installed anew": Effect.andThen(
        store((store) => store.uninstall(alpha)),
        stage(a1)
      ),
      "it has gone": store((store) => store.uninstall(alpha))
    }
    for (const [name, change] of Object.entries(changes)) {
      test(`is skipped if ${name} since then`, () =>
        Effect.gen(function* () {
          yield* stage(a1)
          const seen = yield* cachedPlugin
          yield* TestClock.adjust("1 second")
          yield* change
          const before = yield* lookAtCache
          assert.isFalse(yield* remove(seen))
          assert.deepStrictEqual(yield* lookAtCache, before)
          assert.deepStrictEqual(yield* leftovers, [])
        }))
    }

    test("removes strays of every kind, but not the target of a link", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { root } = yield* CodexHome.CodexHome
        yield* writeFiles(`${root}/outside`, { kept: "" })
        yield* stage(a1)
        const marketplace = path.dirname(yield* baseRoot)
        yield* fs.writeFileString(`${marketplace}/a file`, "")
        yield* fs.symlink(`${root}/outside`, `${marketplace}/link`)
        yield* fs.makeDirectory(`${marketplace}/plugin-backup-x y/below`, { recursive: true })
        const { strays } = yield* snapshot
        assert.deepStrictEqual(strays.map(({ name }) => name).toSorted(), [
          "a file",
          "link",
          "plugin-backup-x y"
        ])
        for (const stray of strays) assert.isTrue(yield* remove(stray))
        assert.deepStrictEqual(yield* fs.readDirectory(marketplace), ["alpha"])
        assert.deepStrictEqual(yield* fs.readDirectory(`${root}/outside`), ["kept"])
      }))

    test("ignores marketplaces that are not of the backend", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { cache } = yield* CodexHome.CodexHome
        yield* fs.makeDirectory(`${cache}/my-own/alpha/1.0.0`, { recursive: true })
        yield* fs.writeFileString(`${cache}/my-own/a file`, "")
        yield* fs.writeFileString(`${cache}/a file`, "")
        assert.deepStrictEqual(
          yield* Effect.map(snapshot, ({ plugins, strays }) => [plugins, strays]),
          [[], []]
        )
        assert.lengthOf(yield* store((store) => store.list), 1)
      }))
  })

  describe("PluginStore.sweep", () => {
    const sweep = store((store) => store.sweep)

    test("removes our own leftovers at once, and those of others after an hour", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { staging } = yield* CodexHome.CodexHome
        yield* TestClock.setTime(Date.now())
        yield* fs.makeDirectory(`${staging}/codex-plugins-stage-1/base-root/1.0.0`, {
          recursive: true
        })
        yield* fs.writeFileString(`${staging}/codex-plugins-sidecar-1`, "")
        yield* fs.writeFileString(`${staging}/codex-plugins-in-doubt-no name`, "")
        yield* fs.makeDirectory(`${staging}/plugin-install-Ab12/below`, { recursive: true })
        yield* fs.utimes(`${staging}/plugin-install-Ab12`, new Date(), new Date())
        yield* sweep
        assert.deepStrictEqual(yield* leftovers, ["plugin-install-Ab12"])
        yield* TestClock.adjust("59 minutes")
        yield* sweep
        assert.deepStrictEqual(yield* leftovers, ["plugin-install-Ab12"])
        yield* TestClock.adjust("2 minutes")
        yield* sweep
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("keeps a mark that is still needed, and the note of the lock's holder", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { staging } = yield* CodexHome.CodexHome
        const kept = [`codex-plugins-in-doubt-${alpha}`, "codex-plugins-lock-holder"]
        yield* put(a1)
        yield* fs.makeDirectory(staging)
        for (const name of kept) yield* fs.writeFileString(`${staging}/${name}`, "")
        yield* sweep
        assert.deepStrictEqual((yield* leftovers).toSorted(), kept)
        const [plugin] = yield* store((store) => store.list)
        assert.deepStrictEqual(plugin?.identity, Identity.InDoubt())
        yield* store((store) => store.writeIdentity(alpha, remoteId("A")))
        yield* sweep
        assert.deepStrictEqual(yield* leftovers, ["codex-plugins-lock-holder"])
      }))

    test("removes the mark of a local install", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { staging } = yield* CodexHome.CodexHome
        yield* fs.makeDirectory(staging, { recursive: true })
        yield* fs.writeFileString(`${staging}/codex-plugins-in-doubt-${alpha}`, "")
        const source = yield* ownFolder(build(null, "local"))
        yield* store((store) => store.install({ source, pluginId: alpha }))
        const [plugin] = yield* store((store) => store.list)
        assert.deepStrictEqual(plugin?.identity, Identity.Absent())
      }))
  })
})
