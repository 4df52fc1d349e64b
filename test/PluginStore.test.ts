import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, FileSystem, Layer, Option, Path, type Scope } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as NodeFs from "node:fs"
import { type CachedPlugin, Identity, type Stray } from "../src/CacheSnapshot.ts"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as CodexPlugins from "../src/CodexPlugins.ts"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import { InvalidManifest } from "../src/PluginManifest.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import {
  type Build,
  build,
  filesOf,
  layOut,
  open,
  pluginId,
  remoteId,
  root,
  stage
} from "./support/pluginWorld.ts"
import { writeFiles } from "./support/files.ts"

type Services =
  | CodexHome.CodexHome
  | CacheLock.CacheLock
  | FileSystem.FileSystem
  | Path.Path
  | PluginStore.PluginStore

/** The services of a home on some file system, which is there already. */
const layerAt = (root: string) =>
  PluginStore.layer.pipe(
    Layer.provideMerge(CacheLock.layerInProcess),
    Layer.provideMerge(CodexHome.layerAt(root)),
    Layer.fresh
  )

type Suite = (options?: { readonly umask?: number }) => Layer.Layer<Services>

const memory: Suite = ({ umask = 0o022 } = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/home/tester/.codex", { recursive: true })
      return layerAt("/home/tester/.codex")
    })
  ).pipe(
    Layer.provideMerge(Layer.merge(MemoryFileSystem.layerWith({ umask }), Path.layer)),
    Layer.orDie
  )

// The same must hold where a real system decides on modes, links and renames.
const disk: Suite = ({ umask = 0o022 } = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* Effect.acquireRelease(
        Effect.sync(() => process.umask(umask)),
        (before) => Effect.sync(() => process.umask(before))
      )
      const root = yield* fs.makeTempDirectoryScoped({ prefix: "codex-plugins-store-" })
      return layerAt(root)
    })
  ).pipe(Layer.provideMerge(Layer.merge(NodeFileSystem.layer, NodePath.layer)), Layer.orDie)

const alpha = pluginId("alpha")
const [a1, a2, b1] = [build("A", "1.0.0"), build("A", "2.0.0"), build("B", "1.0.0")]
const version = (text: string) => PluginVersion.PluginVersion.make(text)

const store = Effect.fnUntraced(function* <A, E, R>(
  use: (store: PluginStore.PluginStore["Service"]) => Effect.Effect<A, E, R>
) {
  return yield* use(yield* PluginStore.PluginStore)
})

const baseRoot = store((store) => Effect.succeed(store.sidecarPath(alpha).replace(/\/[^/]+$/, "")))
const sidecar = store((store) => Effect.succeed(store.sidecarPath(alpha)))
const identity = store((store) => store.remotePluginId(alpha))
const active = store((store) => store.activeVersion(alpha))
const versions = store((store) =>
  Effect.map(store.read(alpha), (plugin) =>
    Option.match(plugin, { onNone: () => [], onSome: ({ versions }) => versions.toSorted() })
  )
)

const write = (owner: string) => store((store) => store.writeIdentity(alpha, remoteId(owner)))
const install = (source: string, version?: PluginVersion.PluginVersion) =>
  store((store) => store.install({ source, pluginId: alpha, version }))
const prune = (text: string) => store((store) => store.prune(alpha, version(text)))

/** All that stands at a path and below it, in words; a link is not followed. */
const look = Effect.fnUntraced(function* (
  root: string
): Effect.fn.Return<ReadonlyArray<string>, unknown, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.lstat(root))
  if (Option.isNone(info)) return []
  const { mode, type } = info.value
  const line = `${root} ${type} ${(mode & 0o777).toString(8)}`
  if (type === "SymbolicLink") return [`${root} -> ${yield* fs.readLink(root)}`]
  if (type === "File") return [`${line} ${yield* fs.readFileString(root)}`]
  if (type !== "Directory") return [line]
  const below = yield* Effect.forEach(yield* fs.readDirectory(root), (name) =>
    look(`${root}/${name}`)
  )
  return [line, ...below.flat()]
})

const lookAtCache = Effect.flatMap(CodexHome.CodexHome, ({ cache }) => look(cache))

/** The entries of staging. */
const leftovers = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { staging } = yield* CodexHome.CodexHome
  return yield* Effect.orElseSucceed(fs.readDirectory(staging), () => [])
})

/** A version as Codex would have made it, with no sidecar. */
const put = Effect.fnUntraced(function* (build: Build) {
  const fs = yield* FileSystem.FileSystem
  const root = yield* baseRoot
  yield* fs.makeDirectory(root, { recursive: true })
  yield* layOut(build, `${root}/${build.version}`)
})

const writeSidecar = Effect.fnUntraced(function* (contents: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents
  yield* fs.writeFile(yield* sidecar, bytes)
})

/** A folder of the user's with a plugin in it. */
const ownFolder = Effect.fnUntraced(function* (build: Build) {
  const { root } = yield* CodexHome.CodexHome
  const folder = `${root}/mine-${build.version}`
  yield* layOut(build, folder)
  return folder
})

const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, PluginStore.PluginStoreError)
    return error.reason
  })

/** Fails, and leaves the cache as it was. */
const refused = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const before = yield* lookAtCache
  const error = yield* Effect.flip(effect)
  assert.deepStrictEqual(yield* lookAtCache, before)
  return error
})

/** The exact text of a sidecar, written down here once more. */
const sidecarText = (owner: string) =>
  `{\n  "schema_version": 1,\n  "remote_plugin_id": "plugins~Plugin_${owner}"\n}\n`

const schema2 = '{"schema_version":2,"remote_plugin_id":"plugins~Plugin_Z"}'

const tests = (suite: Suite) => {
  const test = (
    name: string,
    body: () => Effect.Effect<void, unknown, Services | Scope.Scope>,
    options?: Parameters<Suite>[0]
  ) => it.effect(name, () => Effect.provide(Effect.scoped(body()), suite(options)))

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

    test("of a newer version keeps the one before it, and its sidecar untouched", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        const before = yield* fs.stat(yield* sidecar)
        yield* stage(a2)
        assert.deepStrictEqual(yield* active, Option.some(version("2.0.0")))
        assert.deepStrictEqual(yield* versions, [version("1.0.0"), version("2.0.0")])
        assert.deepStrictEqual((yield* fs.stat(yield* sidecar)).ino, before.ino)
      }))

    test("of an older version takes away what would outrank it", () =>
      Effect.gen(function* () {
        for (const text of ["9.0.0", "10.0.0", "1.0.0"]) yield* stage(build("A", text))
        assert.deepStrictEqual(yield* active, Option.some(version("1.0.0")))
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
      }))

    test("takes away a local one, which would stay the active version", () =>
      Effect.gen(function* () {
        yield* put(build(null, "local"))
        yield* stage(a1)
        assert.deepStrictEqual(yield* versions, [version("1.0.0")])
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
      }))

    test("of the same version puts its files in the place of the old ones", () =>
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

    test("refuses to overwrite a sidecar of a newer schema", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(schema2)
        const error = yield* refused(stage(a2))
        assert.deepStrictEqual(
          error,
          new InstallMetadata.UnsupportedSchemaVersion({
            path: yield* sidecar,
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

    test("dies if staging writes nothing", () =>
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

    test("is none of the files, links and odd names beside it", () =>
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

    test("is none where nothing is installed, and then there is no identity", () =>
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

  describe("the identity", () => {
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

    test("is not written again where it is the same", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* stage(a1)
        const { ino } = yield* fs.stat(yield* sidecar)
        yield* write("A")
        assert.deepStrictEqual((yield* fs.stat(yield* sidecar)).ino, ino)
      }))

    test("cannot be written beside nothing", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const error = yield* refused(write("A"))
        assert.strictEqual(
          error.message,
          `cannot write the identity of ${alpha}: no version of it is installed; install it first`
        )
        assert.deepStrictEqual(yield* lookAtCache, [])
        yield* fs.makeDirectory(yield* baseRoot, { recursive: true })
        yield* refused(write("A"))
      }))

    test("of a newer schema is neither read nor overwritten", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(schema2)
        const expected = new InstallMetadata.UnsupportedSchemaVersion({
          path: yield* sidecar,
          found: 2,
          supported: 1
        })
        assert.deepStrictEqual(yield* Effect.flip(identity), expected)
        assert.deepStrictEqual(yield* refused(write("A")), expected)
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
      test(`cannot be read from ${name}, and is then written anew`, () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* put(a1)
          yield* writeSidecar(contents)
          const path = yield* sidecar
          assert.deepStrictEqual(
            yield* Effect.flip(identity),
            new InstallMetadata.CorruptInstallMetadata({ path, reason })
          )
          yield* write("A")
          assert.strictEqual(yield* fs.readFileString(path), sidecarText("A"))
        }))
    }

    test("cannot be read from a folder or a link, which is not followed, and is then written anew", () =>
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
            new InstallMetadata.CorruptInstallMetadata({ path, reason: "NotAFile" })
          )
          yield* write("A")
          assert.deepStrictEqual(yield* look(path), [`${path} File 600 ${sidecarText("A")}`])
          yield* store((store) => store.clearIdentity(alpha))
          assert.deepStrictEqual(yield* look(path), [])
        }
        assert.strictEqual(yield* fs.readFileString(outside), sidecarText("Z"))
        assert.deepStrictEqual(yield* leftovers, [])
      }))

    test("is trimmed, whatever else its file holds", () =>
      Effect.gen(function* () {
        yield* put(a1)
        yield* writeSidecar(
          '{"more":1,"remote_plugin_id":" plugins~Plugin_A\\n","schema_version":1}'
        )
        assert.deepStrictEqual(yield* identity, Option.some(remoteId("A")))
      }))

    test("of a bundle's own tree means nothing", () =>
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

  describe("a local install", () => {
    test(
      "takes the version of the manifest, and clears the identity",
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

    test("takes the version that is given, or `local` where there is none", () =>
      Effect.gen(function* () {
        const source = yield* ownFolder(build(null, "local"))
        assert.strictEqual(yield* install(source, version("0.1.0")), version("0.1.0"))
        assert.deepStrictEqual(yield* versions, [version("0.1.0")])
        assert.strictEqual(yield* install(source), version("local"))
        assert.deepStrictEqual(yield* active, Option.some(version("local")))
      }))

    test("of the remote version clears the identity just so", () =>
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

    test("leaves links and devices of its source out", () =>
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
      "a manifest with a byte-order mark": ["NotJson", '\uFEFF{"name":"alpha"}'],
      "another plugin's manifest": ["NameMismatch", '{"name":"beta"}'],
      "a blank version": ["InvalidVersion", '{"name":"alpha","version":" "}'],
      "a version that no folder can have": ["InvalidVersion", '{"name":"alpha","version":"../2"}']
    }
    for (const [name, [reason, manifest]] of Object.entries(unfit)) {
      test(`refuses ${name}, and leaves the cache as it was`, () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* stage(a1)
          const source = yield* ownFolder(build(null, "3.0.0"))
          const path = `${source}/.codex-plugin/plugin.json`
          yield* manifest === undefined ? fs.remove(path) : fs.writeFileString(path, manifest)
          const error = yield* refused(install(source))
          assert.instanceOf(error, InvalidManifest)
          assert.strictEqual(error.reason._tag, reason)
        }))
    }

    test("refuses a manifest that is a link, as links are left out", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const source = yield* ownFolder(build(null, "3.0.0"))
        const path = `${source}/.codex-plugin/plugin.json`
        yield* fs.rename(path, `${source}/real.json`)
        yield* fs.symlink(`${source}/real.json`, path)
        const error = yield* refused(install(source))
        assert.instanceOf(error, InvalidManifest)
        assert.deepStrictEqual([error.path, error.reason._tag], [source, "Missing"])
      }))

    test("says so where there is no such folder", () =>
      Effect.gen(function* () {
        const error = yield* refused(install("/nowhere/at/all"))
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

  describe("an uninstall", () => {
    const uninstall = store((store) => store.uninstall(alpha))

    test("takes the base root with its identity, and nothing else", () =>
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

    test("of what is not there does nothing", () =>
      Effect.gen(function* () {
        assert.isFalse(yield* uninstall)
        assert.deepStrictEqual(yield* lookAtCache, [])
      }))

    test("takes away a base root that is a file or a link, and not what the link points at", () =>
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

  describe("a prune", () => {
    test("takes a superseded version, but neither the active one nor what is not there", () =>
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

    test("takes none without which another would be active", () =>
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

  describe("a removal", () => {
    const snapshot = store((store) => store.snapshot)
    const remove = (target: CachedPlugin | Stray) => store((store) => store.remove(target))
    const standing = Effect.map(snapshot, ({ plugins: [plugin] }) => plugin!)

    test("takes what the snapshot saw", () =>
      Effect.gen(function* () {
        yield* stage(a1)
        assert.isTrue(yield* remove(yield* standing))
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
      test(`is dropped where ${name} since then`, () =>
        Effect.gen(function* () {
          yield* stage(a1)
          const seen = yield* standing
          yield* TestClock.adjust("1 second")
          yield* change
          const before = yield* lookAtCache
          assert.isFalse(yield* remove(seen))
          assert.deepStrictEqual(yield* lookAtCache, before)
          assert.deepStrictEqual(yield* leftovers, [])
        }))
    }

    test("takes strays of every kind, and nothing that a link points at", () =>
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

    test("sees nothing of marketplaces that are not the backend's", () =>
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

  describe("a sweep", () => {
    const sweep = store((store) => store.sweep)

    test("takes our own leftovers at once, and those of others after an hour", () =>
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

    test("keeps a doubt as long as it lasts, and the note of who holds the lock", () =>
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

    test("ends a doubt with a local install", () =>
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

  describe("a link planted", () => {
    const outside = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* CodexHome.CodexHome
      const folder = `${root}/outside`
      yield* layOut(build("Z", "9.0.0"), folder)
      yield* fs.writeFileString(`${folder}/${InstallMetadata.fileName}`, sidecarText("Z"))
      return folder
    })
    /** Plants a link to an outer folder, and finds that folder untouched in the end. */
    const planted = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const folder = yield* outside
        const before = yield* look(folder)
        yield* use(folder)
        assert.deepStrictEqual(yield* look(folder), before)
      })

    test("in a plugin's place is no plugin, and makes room for one", () =>
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

    test("in a version's place is no version, and makes room for one", () =>
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

    test("in a marketplace's place is told, and neither read nor written through", () =>
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

    test("in the place of staging is told, and nothing is swept through it", () =>
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
            assert.deepInclude(yield* reasonOf(refused(change).pipe(Effect.flip)), {
              _tag: "Obstructed",
              path: staging
            })
          }
        })
      ))

    test("in the place of a mark is not written through", () =>
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

    test("in a version leads no reader out, and nothing is deleted through it", () =>
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

  test("a file in a plugin's place makes room for the plugin", () =>
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

  test("the list is in the order of plugin ids, whatever marketplace they are of", () =>
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

  test("a pass installs, backfills, replaces, and removes", () =>
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
}

describe("PluginStore, in memory", () => {
  tests(memory)
})

describe("PluginStore, on disk", () => {
  tests(disk)

  it.effect("lives with names that are not UTF-8", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      yield* stage(a1)
      const root = yield* baseRoot
      for (const folder of [path.dirname(root), root, `${root}/1.0.0`]) {
        // Effect's layer takes no such names.
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
    }).pipe(Effect.scoped, Effect.provide(disk()))
  )
})

describe("PluginStore.list, while the cache changes", () => {
  it.effect("never tells one version's identity beside another version", () =>
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
