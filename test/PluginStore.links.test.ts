import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, Option, Path } from "effect"
import { TestClock } from "effect/testing"
import * as CodexHome from "../src/CodexHome.ts"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import { build, layOut, remoteId, stage } from "./support/pluginWorld.ts"
import {
  a1,
  a2,
  active,
  alpha,
  b1,
  baseRoot,
  identity,
  leftovers,
  look,
  put,
  reasonOf,
  rejected,
  sidecarText,
  store,
  suite,
  test,
  version,
  versions
} from "./support/storeSuite.ts"

suite(() => {
  describe("a link", () => {
    const outside = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* CodexHome.CodexHome
      const folder = `${root}/outside`
      yield* layOut(build("Z", "9.0.0"), folder)
      yield* fs.writeFileString(`${folder}/${InstallMetadata.fileName}`, sidecarText("Z"))
      return folder
    })
    /** Makes a link to a folder outside the cache, and checks that this folder stays unchanged. */
    const planted = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const folder = yield* outside
        const before = yield* look(folder)
        yield* use(folder)
        assert.deepStrictEqual(yield* look(folder), before)
      })

    test("in a plugin's place is no plugin, and is replaced by one", () =>
      planted(
        Effect.fnUntraced(function* (folder) {
          const fs = yield* FileSystem.FileSystem
          const path = yield* Path.Path
          yield* fs.makeDirectory(path.dirname(yield* baseRoot), { recursive: true })
          yield* fs.symlink(folder, yield* baseRoot)
          assert.deepStrictEqual(yield* store((store) => store.list), [])
          assert.deepStrictEqual([yield* active, yield* identity], [Option.none(), Option.none()])
          yield* stage(a1)
          assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
          assert.deepStrictEqual(yield* leftovers, [])
        })
      ))

    test("in a version's place is no version, and is replaced by one", () =>
      planted(
        Effect.fnUntraced(function* (folder) {
          const fs = yield* FileSystem.FileSystem
          yield* stage(a1)
          yield* fs.symlink(folder, `${yield* baseRoot}/2.0.0`)
          assert.deepStrictEqual(yield* active, Option.some(version("1.0.0")))
          yield* stage(a2)
          assert.deepStrictEqual(yield* versions, [version("1.0.0"), version("2.0.0")])
        })
      ))

    test("in a marketplace's place is reported, and neither read nor written through", () =>
      planted(
        Effect.fnUntraced(function* (folder) {
          const fs = yield* FileSystem.FileSystem
          const path = yield* Path.Path
          const marketplace = path.dirname(yield* baseRoot)
          yield* fs.makeDirectory(path.dirname(marketplace), { recursive: true })
          yield* fs.symlink(folder, marketplace)
          assert.deepStrictEqual(yield* store((store) => store.list), [])
          assert.deepStrictEqual(
            yield* Effect.map(
              store((store) => store.snapshot),
              ({ plugins, strays }) => [plugins, strays]
            ),
            [[], []]
          )
          assert.isFalse(yield* store((store) => store.uninstall(alpha)))
          assert.deepStrictEqual(yield* reasonOf(stage(a1)), {
            _tag: "Obstructed",
            path: marketplace,
            found: "SymbolicLink"
          })
          yield* fs.remove(marketplace)
          yield* fs.symlink(`${folder}/nowhere`, marketplace)
          assert.deepInclude(yield* reasonOf(stage(a1)), { _tag: "Obstructed" })
          yield* fs.remove(marketplace)
          yield* fs.writeFileString(marketplace, "")
          assert.deepInclude(yield* reasonOf(stage(a1)), { _tag: "Obstructed", found: "File" })
        })
      ))

    test("in place of the staging folder is reported, and nothing is swept through it", () =>
      planted(
        Effect.fnUntraced(function* (folder) {
          const fs = yield* FileSystem.FileSystem
          const { staging } = yield* CodexHome.CodexHome
          yield* put(a1)
          yield* fs.symlink(folder, staging)
          yield* TestClock.setTime(Date.now() + 7_200_000)
          yield* store((store) => store.sweep)
          for (const change of [
            stage(a2),
            store((store) => store.writeIdentity(alpha, remoteId("A"))),
            store((store) => store.uninstall(alpha))
          ]) {
            assert.deepInclude(yield* reasonOf(rejected(change).pipe(Effect.flip)), {
              _tag: "Obstructed",
              path: staging
            })
          }
        })
      ))

    test("in the place of a mark of an uncertain identity is not written through", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { root, staging } = yield* CodexHome.CodexHome
        yield* stage(a1)
        yield* fs.writeFileString(`${root}/outside`, "kept")
        yield* fs.symlink(`${root}/outside`, `${staging}/codex-plugins-in-doubt-${alpha}`)
        yield* stage(b1)
        assert.strictEqual(yield* fs.readFileString(`${root}/outside`), "kept")
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("in a version is not followed by readers or deletions", () =>
      planted(
        Effect.fnUntraced(function* (folder) {
          const fs = yield* FileSystem.FileSystem
          yield* stage(a1)
          const root = `${yield* baseRoot}/1.0.0`
          yield* fs.symlink(folder, `${root}/skills/out`)
          const isIntact = Effect.map(
            store((store) => store.read(alpha)),
            Option.exists(({ intact }) => intact)
          )
          assert.isTrue(yield* isIntact)
          for (const name of [".codex-plugin/plugin.json", ".codex-plugin"]) {
            yield* fs.remove(`${root}/${name}`, { recursive: true })
            yield* fs.symlink(`${folder}/${name}`, `${root}/${name}`)
            assert.isFalse(yield* isIntact)
          }
          yield* stage(b1)
          yield* fs.symlink(folder, `${root}/out`)
          assert.isTrue(yield* store((store) => store.uninstall(alpha)))
          assert.deepStrictEqual(yield* leftovers, [])
        })
      ))
  })

  test("PluginStore replaces a file in the place of a plugin's folder", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      yield* fs.makeDirectory(path.dirname(yield* baseRoot), { recursive: true })
      yield* fs.writeFileString(yield* baseRoot, "in the way")
      assert.deepStrictEqual(yield* store((store) => store.list), [])
      yield* stage(a1)
      assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
      assert.deepStrictEqual(yield* leftovers, [])
    }))
})
