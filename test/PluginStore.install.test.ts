import { assert, describe } from "@effect/vitest"
import { Effect, Exit, FileSystem, Option } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import { build, filesOf, layOut, pluginId, remoteId, stage } from "./support/pluginWorld.ts"
import {
  a1,
  alpha,
  a2,
  active,
  b1,
  baseRoot,
  identity,
  leftovers,
  look,
  put,
  rejected,
  schema2,
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
  describe("a remote install", () => {
    for (const umask of [0o022, 0o077, 0]) {
      test(
        `writes the sidecar's exact name, bytes and mode, and the files' modes (umask ${umask.toString(8)})`,
        Effect.fnUntraced(function* () {
          yield* stage(a1)
          const root = yield* baseRoot
          const files = filesOf(a1)
          const text = (name: string) => new TextDecoder().decode(files[name]!.bytes)
          assert.deepStrictEqual(yield* look(root), [
            `${root} Directory 755`,
            `${root}/.codex-remote-plugin-install.json File 600 ${sidecarText("A")}`,
            `${root}/1.0.0 Directory 755`,
            `${root}/1.0.0/.codex-plugin Directory 755`,
            `${root}/1.0.0/.codex-plugin/plugin.json File 644 ${text(".codex-plugin/plugin.json")}`,
            `${root}/1.0.0/bin Directory 755`,
            `${root}/1.0.0/bin/run File 755 ${text("bin/run")}`,
            `${root}/1.0.0/skills Directory 755`,
            `${root}/1.0.0/skills/hello Directory 755`,
            `${root}/1.0.0/skills/hello/SKILL.md File 644 ${text("skills/hello/SKILL.md")}`
          ])
          assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
          assert.deepStrictEqual(yield* leftovers, [])
        }),
        { umask }
      )
    }

    test("of a newer version keeps the previous one, and does not touch its sidecar", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        const before = yield* fs.stat(yield* sidecar)
        yield* stage(a2)
        assert.deepStrictEqual(yield* active, Option.some(version("2.0.0")))
        assert.deepStrictEqual(yield* versions, [version("1.0.0"), version("2.0.0")])
        assert.deepStrictEqual((yield* fs.stat(yield* sidecar)).ino, before.ino)
      }))

    test("of an older version removes every version that would outrank it", () =>
      Effect.gen(function* () {
        for (const text of ["9.0.0", "10.0.0", "1.0.0"]) yield* stage(build("A", text))
        assert.deepStrictEqual(yield* active, Option.some(version("1.0.0")))
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
      }))

    test("removes a local version, which would otherwise stay active", () =>
      Effect.gen(function* () {
        yield* put(build(null, "local"))
        yield* stage(a1)
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
      }))

    test("of the same version replaces its files", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        yield* fs.remove(`${yield* baseRoot}/1.0.0/.codex-plugin`, { recursive: true })
        yield* fs.writeFileString(`${yield* baseRoot}/1.0.0/extra`, "")
        yield* stage(a1)
        const root = `${yield* baseRoot}/1.0.0`
        assert.deepStrictEqual((yield* fs.readDirectory(root)).toSorted(), [
          ".codex-plugin",
          "bin",
          "skills"
        ])
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("under another identity replaces the sidecar", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        yield* stage(b1)
        assert.strictEqual(yield* fs.readFileString(yield* sidecar), sidecarText("B"))
        assert.strictEqual(
          yield* fs.readFileString(`${yield* baseRoot}/1.0.0/skills/hello/SKILL.md`),
          "alpha 1.0.0 of B\n"
        )
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("does not overwrite a sidecar of a newer schema", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(schema2)
        const error = yield* rejected(stage(a2))
        assert.deepStrictEqual(
          error,
          new InstallMetadata.UnsupportedSchemaVersion({
            path: yield* sidecar,
            pluginId: alpha,
            found: 2,
            supported: 1
          })
        )
      }))

    test("removes its staging folder when it is interrupted", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const exit = yield* Effect.exit(
          store((store) =>
            store.installStaged((root) => Effect.andThen(fs.makeDirectory(root), Effect.interrupt))
          )
        )
        assert.isTrue(Exit.hasInterrupts(exit))
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("leaves the cache alone and removes its staging folder when staging fails", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        const error = yield* Effect.flip(
          store((store) =>
            store.installStaged((root) => Effect.andThen(fs.makeDirectory(root), Effect.fail("no")))
          )
        )
        assert.strictEqual(error, "no")
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("keeps what staging acquires until the caller's scope closes", () =>
      Effect.gen(function* () {
        let isReleased = false
        const target = {
          pluginId: pluginId("alpha"),
          version: version("1.0.0"),
          remotePluginId: null
        }
        yield* Effect.gen(function* () {
          yield* store((store) =>
            store.installStaged((root) =>
              Effect.andThen(
                Effect.acquireRelease(layOut(build(null, "1.0.0"), root), () =>
                  Effect.sync(() => {
                    isReleased = true
                  })
                ),
                Effect.succeed(target)
              )
            )
          )
          assert.isFalse(isReleased)
        }).pipe(Effect.scoped)
        assert.isTrue(isReleased)
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
      }))

    test("is a defect if staging writes nothing", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          store((store) =>
            store.installStaged(() =>
              Effect.succeed({
                pluginId: pluginId("alpha"),
                version: version("1.0.0"),
                remotePluginId: null
              })
            )
          )
        )
        assert.isTrue(Exit.hasDies(exit))
        assert.deepStrictEqual(yield* leftovers, [])
      }))
  })
})
