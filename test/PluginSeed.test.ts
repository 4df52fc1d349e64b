import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Option, Path } from "effect"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginSeed from "../src/PluginSeed.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import { RemotePluginId } from "../src/RemotePluginId.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import { isReal } from "./support/system.ts"
import { eventually } from "./support/eventually.ts"
import { stagingOf } from "./support/homePaths.ts"

const marketplace = "openai-curated-remote"
const idOf = (name: string) => PluginId.PluginId.make(`${name}@${marketplace}`)
const remoteIdOf = (name: string) => RemotePluginId.make(`plugins~Plugin_${name}`)

const inHome = (home: string) =>
  Effect.provide(
    PluginSeed.layer.pipe(
      Layer.provideMerge(PluginStore.layer),
      Layer.provideMerge(CacheLock.layerInProcess),
      Layer.provideMerge(CodexHome.layerAt(home))
    ),
    { local: true }
  )

/** Writes a plugin into a home's cache as Codex does. */
const cachePlugin = Effect.fnUntraced(function* (home: string, name: string, isRemote = true) {
  const fs = yield* FileSystem.FileSystem
  const base = `${home}/plugins/cache/${marketplace}/${name}`
  yield* fs.makeDirectory(`${base}/1.0.0/.codex-plugin`, { recursive: true })
  yield* fs.makeDirectory(`${base}/1.0.0/bin`)
  yield* fs.writeFileString(`${base}/1.0.0/.codex-plugin/plugin.json`, JSON.stringify({ name }))
  yield* fs.writeFileString(`${base}/1.0.0/bin/run`, "#!/bin/sh\n", { mode: 0o755 })
  if (isRemote) {
    yield* fs.writeFileString(
      `${base}/${InstallMetadata.fileName}`,
      InstallMetadata.encode(remoteIdOf(name))
    )
  }
  return base
})

const homes = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory("/tmp", { recursive: true })
  const root = yield* fs.makeTempDirectoryScoped()
  const [from, to] = [`${root}/from`, `${root}/to`]
  yield* fs.makeDirectory(from)
  yield* fs.makeDirectory(to)
  return { from, to }
})

const seed = (from: string, to: string) =>
  Effect.flatMap(PluginSeed.PluginSeed, ({ seed }) => seed({ from })).pipe(inHome(to))

const provide = isReal
  ? Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
  : Effect.provide(Layer.merge(MemoryFileSystem.layerWith({ tree: {} }), Path.layer))

describe(`PluginSeed ${isReal ? "on disk" : "in memory"}`, () => {
  it.effect(
    "copies every intact version with its identity and keeps the files separate",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const { from, to } = yield* homes
        const base = yield* cachePlugin(from, "alpha")
        yield* cachePlugin(from, "local", false)
        assert.deepStrictEqual(yield* seed(from, to), {
          seeded: [
            {
              pluginId: idOf("alpha"),
              version: (yield* versionIn(to, "alpha"))!,
              remotePluginId: remoteIdOf("alpha")
            },
            {
              pluginId: idOf("local"),
              version: (yield* versionIn(to, "local"))!,
              remotePluginId: null
            }
          ],
          kept: [],
          skipped: [],
          failures: []
        })
        const target = base.replace(from, to)
        const sidecar = yield* fs.readFileString(`${target}/${InstallMetadata.fileName}`)
        assert.strictEqual(sidecar, InstallMetadata.encode(remoteIdOf("alpha")))
        const { mode } = yield* fs.stat(`${target}/1.0.0/bin/run`)
        assert.strictEqual(mode & 0o100, 0o100)
        yield* fs.writeFileString(`${target}/1.0.0/bin/run`, "changed")
        assert.strictEqual(yield* fs.readFileString(`${base}/1.0.0/bin/run`), "#!/bin/sh\n")
        const left = yield* fs.readDirectory(stagingOf(to))
        assert.deepStrictEqual(left, [])
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "keeps the plugins that the home has",
    Effect.fnUntraced(
      function* () {
        const { from, to } = yield* homes
        yield* cachePlugin(from, "alpha")
        yield* cachePlugin(to, "alpha", false)
        const { kept, seeded } = yield* seed(from, to)
        assert.deepStrictEqual([seeded, kept], [[], [idOf("alpha")]])
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "copies more plugins than one batch holds, large files and no set-uid bits",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const { from, to } = yield* homes
        const names = Array.from(
          { length: 70 },
          (_, nth) => `plugin-${String(nth).padStart(2, "0")}`
        )
        for (const name of names) yield* cachePlugin(from, name)
        const file = `plugins/cache/${marketplace}/plugin-07/1.0.0/bin/large`
        const large = new Uint8Array(200_000).fill(7)
        yield* fs.writeFile(`${from}/${file}`, large)
        for (const name of ["large", "run"]) {
          yield* fs.chmod(
            `${from}/plugins/cache/${marketplace}/plugin-07/1.0.0/bin/${name}`,
            0o4755
          )
        }
        const { failures, seeded, skipped } = yield* seed(from, to)
        assert.deepStrictEqual([failures, skipped], [[], []])
        assert.deepStrictEqual(
          seeded.map(({ pluginId }) => pluginId),
          names.map(idOf)
        )
        assert.deepStrictEqual(yield* fs.readFile(`${to}/${file}`), large)
        for (const name of ["large", "run"]) {
          const copy = `${to}/plugins/cache/${marketplace}/plugin-07/1.0.0/bin/${name}`
          assert.strictEqual((yield* fs.stat(copy)).mode & 0o7777, 0o755)
        }
        const left = yield* fs.readDirectory(stagingOf(to))
        assert.deepStrictEqual(left, [])
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "waits for the one plugin that another caller is installing, and copies the others",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const { from, to } = yield* homes
        yield* cachePlugin(from, "alpha")
        yield* cachePlugin(from, "beta")
        yield* Effect.gen(function* () {
          const store = yield* PluginStore.PluginStore
          const seeds = yield* PluginSeed.PluginSeed
          const isClaimed = yield* Deferred.make<void>()
          const isOver = yield* Deferred.make<void>()
          const other = yield* Effect.forkChild(
            store.claimed(
              idOf("alpha"),
              Effect.andThen(Deferred.succeed(isClaimed, undefined), Deferred.await(isOver))
            )
          )
          yield* Deferred.await(isClaimed)
          const seeding = yield* Effect.forkChild(seeds.seed({ from }))
          const beta = `${to}/plugins/cache/${marketplace}/beta`
          yield* eventually(fs.exists(beta))
          assert.isFalse(yield* fs.exists(`${to}/plugins/cache/${marketplace}/alpha`))
          yield* Deferred.succeed(isOver, undefined)
          const { failures, seeded } = yield* Fiber.join(seeding)
          assert.deepStrictEqual(failures, [])
          assert.deepStrictEqual(
            seeded.map(({ pluginId }) => pluginId),
            [idOf("alpha"), idOf("beta")]
          )
          yield* Fiber.join(other)
        }).pipe(inHome(to))
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "copies a version again whose source was replaced during the copy",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const { from, to } = yield* homes
        const base = yield* cachePlugin(from, "alpha")
        yield* cachePlugin(from, "beta")
        let isReplaced = false
        // The name and the bytes of the sidecar change after the first file is read.
        const replacing = FileSystem.make({
          ...fs,
          readFile: (path) =>
            Effect.gen(function* () {
              const bytes = yield* fs.readFile(path)
              if (path !== `${base}/1.0.0/bin/run` || isReplaced) return bytes
              isReplaced = true
              const next = InstallMetadata.encode(remoteIdOf("another"))
              yield* fs.writeFileString(`${from}/next`, next)
              yield* fs.rename(`${from}/next`, `${base}/${InstallMetadata.fileName}`)
              return bytes
            })
        })
        const { failures, seeded } = yield* Effect.provideService(
          seed(from, to),
          FileSystem.FileSystem,
          replacing
        )
        assert.isTrue(isReplaced)
        assert.deepStrictEqual(failures, [])
        assert.deepStrictEqual(
          seeded.map(({ remotePluginId }) => remotePluginId),
          [remoteIdOf("another"), remoteIdOf("beta")]
        )
        const sidecar = base.replace(from, to) + `/${InstallMetadata.fileName}`
        assert.strictEqual(
          yield* fs.readFileString(sidecar),
          InstallMetadata.encode(remoteIdOf("another"))
        )
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "skips versions that are broken or whose identity is not certain",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const { from, to } = yield* homes
        const broken = yield* cachePlugin(from, "broken")
        yield* fs.writeFileString(`${broken}/1.0.0/.codex-plugin/plugin.json`, "{")
        const corrupt = yield* cachePlugin(from, "corrupt")
        yield* fs.writeFileString(`${corrupt}/${InstallMetadata.fileName}`, "{")
        yield* cachePlugin(from, "doubtful", false)
        const staging = stagingOf(from)
        yield* fs.makeDirectory(staging)
        yield* fs.writeFileString(`${staging}/codex-plugins-in-doubt-${idOf("doubtful")}`, "")
        const { seeded, skipped } = yield* seed(from, to)
        assert.deepStrictEqual(seeded, [])
        assert.deepStrictEqual(skipped, [
          { pluginId: idOf("broken"), reason: "Broken" },
          { pluginId: idOf("corrupt"), reason: "UnreadableIdentity" },
          { pluginId: idOf("doubtful"), reason: "InDoubt" }
        ])
      },
      Effect.scoped,
      provide
    )
  )

  it.effect(
    "fails for a home that is missing or has the same cache",
    Effect.fnUntraced(
      function* () {
        const { from, to } = yield* homes
        const missing = yield* Effect.flip(seed(`${from}/none`, to))
        assert.nestedPropertyVal(missing, "reason._tag", "Unusable")
        const same = yield* Effect.flip(seed(to, to))
        assert.nestedPropertyVal(same, "reason._tag", "SameCache")
      },
      Effect.scoped,
      provide
    )
  )
})

describe.skipIf(isReal)("a sync with seeds", () => {
  const plugin = (name: string) => TestBackend.plugin({ name, id: remoteIdOf(name) })
  const [alpha, beta] = [plugin("alpha"), plugin("beta")]
  const provide = Effect.provide(
    TestCodexPlugins.layerWith({
      plugins: [alpha, beta],
      services: { seeds: ["/missing", "/seed"] }
    })
  )
  const downloads = Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    const requests = yield* backend.requests({ kind: "bundle" })
    return requests.map(({ plugin }) => plugin)
  })
  const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

  it.effect(
    "takes a version from a seed and downloads the others",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* PluginStore.PluginStore
      yield* fs.makeDirectory("/seed")
      yield* cachePlugin("/seed", "alpha")
      const { failures } = yield* sync
      assert.deepStrictEqual(failures, [])
      assert.deepStrictEqual(yield* downloads, [beta.id])
      assert.deepStrictEqual(
        yield* store.remotePluginId(idOf("alpha")),
        Option.some(remoteIdOf("alpha"))
      )
      const root = store.versionRoot(idOf("alpha"), yield* activeOf("alpha"))
      assert.isTrue(yield* fs.exists(`${root}/bin/run`))
    }, provide)
  )

  it.effect(
    "downloads a version that the seed has under another remote id, broken or not at all",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/seed")
      const foreign = yield* cachePlugin("/seed", "alpha")
      yield* fs.writeFileString(
        `${foreign}/${InstallMetadata.fileName}`,
        InstallMetadata.encode(remoteIdOf("other"))
      )
      const broken = yield* cachePlugin("/seed", "beta")
      yield* fs.writeFileString(`${broken}/1.0.0/.codex-plugin/plugin.json`, "{")
      yield* sync
      assert.sameMembers([...(yield* downloads)], [alpha.id, beta.id])
    }, provide)
  )
})

const activeOf = (name: string) =>
  Effect.flatMap(PluginStore.PluginStore, ({ activeVersion }) =>
    Effect.map(activeVersion(idOf(name)), Option.getOrThrow)
  )

const versionIn = (home: string, name: string) =>
  Effect.flatMap(PluginStore.PluginStore, ({ activeVersion }) => activeVersion(idOf(name))).pipe(
    Effect.map(Option.getOrUndefined),
    inHome(home)
  )
