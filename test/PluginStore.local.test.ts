import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { Identity } from "../src/CacheSnapshot.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { InvalidManifest } from "../src/PluginManifest.ts"
import { build, stage } from "./support/pluginWorld.ts"
import {
  a1,
  active,
  baseRoot,
  install,
  leftovers,
  look,
  ownFolder,
  put,
  rejected,
  schema2,
  sidecar,
  store,
  suite,
  test,
  version,
  versions,
  writeSidecar
} from "./support/storeSuite.ts"

suite(() => {
  describe("a local install", () => {
    test(
      "uses the version of the manifest, and clears the identity",
      () =>
        Effect.gen(function* () {
          yield* stage(a1)
          const source = yield* ownFolder(build(null, "3.0.0"))
          const before = yield* look(source)
          assert.strictEqual(yield* install(source), version("3.0.0"))
          assert.deepStrictEqual(yield* active, Option.some(version("3.0.0")))
          assert.deepStrictEqual(yield* look(yield* sidecar), [])
          const target = `${yield* baseRoot}/3.0.0`
          assert.deepStrictEqual(
            yield* look(target),
            before.map((line) => line.replace(source, target))
          )
          assert.deepStrictEqual(yield* look(source), before)
          assert.deepStrictEqual(yield* leftovers, [])
        }),
      { umask: 0o077 }
    )

    test("uses the given version, or `local` if there is none", () =>
      Effect.gen(function* () {
        const source = yield* ownFolder(build(null, "local"))
        assert.strictEqual(yield* install(source, version("0.1.0")), version("0.1.0"))
        assert.deepStrictEqual(yield* versions, [version("0.1.0")])
        assert.strictEqual(yield* install(source), version("local"))
        assert.deepStrictEqual(yield* active, Option.some(version("local")))
      }))

    test("of the same version as a remote one clears the identity too", () =>
      Effect.gen(function* () {
        yield* stage(a1)
        yield* install(yield* ownFolder(build(null, "1.0.0")))
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* fs.readDirectory(yield* baseRoot), ["1.0.0"])
        const [plugin] = yield* store((store) => store.list)
        assert.deepStrictEqual(plugin?.identity, Identity.Absent())
        assert.strictEqual(
          yield* fs.readFileString(`${yield* baseRoot}/1.0.0/skills/hello/SKILL.md`),
          "alpha 1.0.0 of this machine\n"
        )
      }))

    test("clears a sidecar of a newer schema too", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(schema2)
        yield* install(yield* ownFolder(build(null, "3.0.0")))
        assert.deepStrictEqual(yield* look(yield* sidecar), [])
      }))

    test("leaves out links and devices of its source", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const source = yield* ownFolder(build(null, "3.0.0"))
        yield* fs.symlink("/etc", `${source}/etc`)
        yield* fs.symlink("run", `${source}/bin/other`)
        yield* install(source)
        const target = `${yield* baseRoot}/3.0.0`
        assert.deepStrictEqual((yield* fs.readDirectory(target)).toSorted(), [
          ".codex-plugin",
          "bin",
          "skills"
        ])
        assert.deepStrictEqual(yield* fs.readDirectory(`${target}/bin`), ["run"])
      }))

    const unfit: Readonly<
      Record<string, readonly [InvalidManifest["reason"]["_tag"], string | undefined]>
    > = {
      "no manifest": ["Missing", undefined],
      "a manifest that is no JSON": ["NotJson", "{"],
      "a manifest of more than 1 MiB": ["TooLarge", " ".repeat(2 ** 20 + 1)],
      "a manifest with a byte-order mark": ["NotJson", '\uFEFF{"name":"alpha"}'],
      "another plugin's manifest": ["NameMismatch", '{"name":"beta"}'],
      "a blank version": ["InvalidVersion", '{"name":"alpha","version":" "}'],
      "a version that no folder can have": ["InvalidVersion", '{"name":"alpha","version":"../2"}']
    }
    for (const [name, [reason, manifest]] of Object.entries(unfit)) {
      test(`rejects ${name}, and leaves the cache as it was`, () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* stage(a1)
          const source = yield* ownFolder(build(null, "3.0.0"))
          const path = `${source}/.codex-plugin/plugin.json`
          yield* manifest === undefined ? fs.remove(path) : fs.writeFileString(path, manifest)
          const error = yield* rejected(install(source))
          assert.instanceOf(error, InvalidManifest)
          assert.strictEqual(error.reason._tag, reason)
        }))
    }

    test("rejects a manifest that is a link, as links are left out", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const source = yield* ownFolder(build(null, "3.0.0"))
        const path = `${source}/.codex-plugin/plugin.json`
        yield* fs.rename(path, `${source}/real.json`)
        yield* fs.symlink(`${source}/real.json`, path)
        const error = yield* rejected(install(source))
        assert.instanceOf(error, InvalidManifest)
        assert.deepStrictEqual([error.path, error.reason._tag], [source, "Missing"])
      }))

    test("fails if the folder does not exist, and says so", () =>
      Effect.gen(function* () {
        const error = yield* rejected(install("/nowhere/at/all"))
        assert.instanceOf(error, InvalidManifest)
        assert.include(error.message, "/nowhere/at/all")
      }))
  })

  describe("a local install from a folder", () => {
    test("gives no file the right to run as its owner", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const source = yield* ownFolder(build(null, "1.0.0"))
        yield* fs.chmod(`${source}/bin/run`, 0o6755)
        yield* install(source)
        const { mode } = yield* fs.stat(`${yield* baseRoot}/1.0.0/bin/run`)
        assert.strictEqual(mode & 0o7777, 0o755)
      }))

    test("does not copy staging into itself", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { root } = yield* CodexHome.CodexHome
        yield* fs.makeDirectory(`${root}/.codex-plugin`, { recursive: true })
        yield* fs.writeFileString(`${root}/.codex-plugin/plugin.json`, '{"name":"alpha"}')
        yield* install(root, version("1.0.0"))
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
      }))

    test("clears what a newer Codex recorded about the plugin's contents", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* put(build(null, "1.0.0"))
        const record = `${yield* baseRoot}/.codex-plugin-install.json`
        yield* fs.writeFileString(record, "{}")
        assert.deepStrictEqual((yield* store((store) => store.snapshot)).strays, [])
        yield* install(yield* ownFolder(build(null, "1.0.0")))
        assert.isFalse(yield* fs.exists(record))
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
      }))
  })
})
