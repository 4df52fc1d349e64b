import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { Identity } from "../src/CacheSnapshot.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import { remoteId, stage } from "./support/pluginWorld.ts"
import {
  a1,
  active,
  alpha,
  baseRoot,
  identity,
  leftovers,
  look,
  lookAtCache,
  put,
  rejected,
  schema2,
  sidecar,
  sidecarText,
  store,
  suite,
  test,
  version,
  write,
  writeSidecar
} from "./support/storeSuite.ts"

suite(() => {
  describe("the identity of a cached plugin", () => {
    test(
      "is written beside an installed version, and replaced",
      () =>
        Effect.gen(function* () {
          yield* put(a1)
          assert.deepStrictEqual(yield* identity, Option.none())
          for (const owner of ["A", "B"]) {
            yield* write(owner)
            const path = yield* sidecar
            assert.deepStrictEqual(yield* look(path), [`${path} File 600 ${sidecarText(owner)}`])
            assert.deepStrictEqual(yield* identity, Option.some(remoteId(owner)))
          }
          assert.deepStrictEqual(yield* leftovers, [])
        }),
      { umask: 0o077 }
    )

    test("is not written again if it is the same", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        const { ino } = yield* fs.stat(yield* sidecar)
        yield* write("A")
        assert.deepStrictEqual((yield* fs.stat(yield* sidecar)).ino, ino)
      }))

    test("cannot be written if nothing is installed", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const error = yield* rejected(write("A"))
        assert.strictEqual(
          error.message,
          `cannot write the identity of ${alpha}: no version of it is installed; install it first`
        )
        assert.deepStrictEqual(yield* lookAtCache, [])
        yield* fs.makeDirectory(yield* baseRoot, { recursive: true })
        yield* rejected(write("A"))
      }))

    test("of a newer schema is neither read nor overwritten", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(schema2)
        const expected = new InstallMetadata.UnsupportedSchemaVersion({
          path: yield* sidecar,
          pluginId: alpha,
          found: 2,
          supported: 1
        })
        assert.deepStrictEqual(yield* Effect.flip(identity), expected)
        assert.deepStrictEqual(yield* rejected(write("A")), expected)
        const [plugin] = yield* store((store) => store.list)
        assert.deepStrictEqual(plugin?.identity, Identity.Unreadable({ error: expected }))
      }))

    const corrupt: Readonly<
      Record<
        string,
        readonly [InstallMetadata.CorruptInstallMetadata["reason"], string | Uint8Array]
      >
    > = {
      "no JSON": ["NotJson", "{"],
      "an empty file": ["NotJson", ""],
      "a byte-order mark": ["NotJson", `\uFEFF${sidecarText("A")}`],
      "bytes that are not UTF-8": ["NotJson", new Uint8Array([0x22, 0xff, 0x22])],
      "another shape": ["NotInstallMetadata", "[]"],
      "no schema": ["NotInstallMetadata", '{"remote_plugin_id":"x"}'],
      "no id": ["NotInstallMetadata", '{"schema_version":1}'],
      "a blank id": ["BlankRemotePluginId", '{"schema_version":1,"remote_plugin_id":" \\n"}']
    }
    for (const [name, [reason, contents]] of Object.entries(corrupt)) {
      test(`cannot be read from ${name}, and is then replaced`, () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* put(a1)
          yield* writeSidecar(contents)
          const path = yield* sidecar
          assert.deepStrictEqual(
            yield* Effect.flip(identity),
            new InstallMetadata.CorruptInstallMetadata({ path, pluginId: alpha, reason })
          )
          yield* write("A")
          assert.strictEqual(yield* fs.readFileString(path), sidecarText("A"))
        }))
    }

    test("cannot be read from a folder or a link, which is not followed, and is then replaced", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { root } = yield* CodexHome.CodexHome
        yield* put(a1)
        const path = yield* sidecar
        const outside = `${root}/outside.json`
        yield* fs.writeFileString(outside, sidecarText("Z"))
        const plant = [
          fs.symlink(outside, path),
          fs.symlink(`${root}/nowhere`, path),
          fs.makeDirectory(`${path}/below`, { recursive: true })
        ]
        for (const planted of plant) {
          yield* planted
          assert.deepStrictEqual(
            yield* Effect.flip(identity),
            new InstallMetadata.CorruptInstallMetadata({
              path,
              pluginId: alpha,
              reason: "NotAFile"
            })
          )
          yield* write("A")
          assert.deepStrictEqual(yield* look(path), [`${path} File 600 ${sidecarText("A")}`])
          yield* store((store) => store.clearIdentity(alpha))
          assert.deepStrictEqual(yield* look(path), [])
        }
        assert.strictEqual(yield* fs.readFileString(outside), sidecarText("Z"))
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("is trimmed, whatever else its file contains", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(
          '{"more":1,"remote_plugin_id":" plugins~Plugin_A\\n","schema_version":1}'
        )
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
      }))

    test("is not read from a bundle's own files", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* put(a1)
        yield* fs.writeFileString(
          `${yield* baseRoot}/1.0.0/${InstallMetadata.fileName}`,
          sidecarText("Z")
        )
        assert.deepStrictEqual(yield* identity, Option.none())
      }))

    test("is cleared, and cleared again", () =>
      Effect.gen(function* () {
        yield* stage(a1)
        for (const _ of [1, 2]) {
          yield* store((store) => store.clearIdentity(alpha))
          assert.deepStrictEqual(yield* look(yield* sidecar), [])
        }
        assert.deepStrictEqual(yield* active, Option.some(version("1.0.0")))
      }))
  })

  describe("a sidecar or manifest of more than 1 MiB", () => {
    const large = new Uint8Array(1024 * 1024 + 1).fill(0x20)

    test("is not read as an identity", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(large)
        const [plugin] = yield* store((store) => store.list)
        assert.strictEqual(plugin?.identity._tag, "Unreadable")
      }))

    test("makes its version a broken one", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        yield* fs.writeFile(`${yield* baseRoot}/1.0.0/.codex-plugin/plugin.json`, large)
        const [plugin] = yield* store((store) => store.list)
        assert.isFalse(plugin?.intact)
      }))
  })
})
