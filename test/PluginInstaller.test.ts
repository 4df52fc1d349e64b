import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Latch, Option } from "effect"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import { platformError } from "../src/testing/internal/errno.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

const alpha = TestBackend.plugin({ name: "alpha", installed: false })
const id = RemotePluginId.RemotePluginId.make(alpha.id)
const pluginId = PluginId.PluginId.make("alpha@openai-curated-remote")

type Options = Partial<Parameters<typeof TestBackend.plugin>[0]>

const provide = (options?: Options) =>
  Effect.provide(TestCodexPlugins.layerWith({ plugins: [{ ...alpha, ...options }] }))

const read = Effect.flatMap(PluginInstaller.PluginInstaller, ({ read }) => read(id))
const install = Effect.flatMap(PluginInstaller.PluginInstaller, ({ install }) => install(id))
const uninstall = Effect.flatMap(PluginInstaller.PluginInstaller, ({ uninstall }) => uninstall(id))
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

/** The kinds of requests, such as `read` or `bundle`, in order. */
const asked = Effect.gen(function* () {
  const backend = yield* TestBackend.TestBackend
  return (yield* backend.requests()).map(({ kind }) => kind)
})

/** The entries of the cache and of staging. */
const cacheFiles = Effect.gen(function* () {
  const disk = yield* MemoryFileSystem.Disk
  const home = yield* CodexHome.CodexHome
  return [home.cache, home.staging].map(disk.snapshot)
})

const cachedVersion = Effect.flatMap(PluginStore.PluginStore, ({ activeVersion }) =>
  activeVersion(pluginId)
)

const isOnRecord = Effect.flatMap(TestBackend.TestBackend, ({ isInstalled }) => isInstalled(id))

const when = Effect.fnUntraced(function* (
  ...[match, ...behaviours]: Parameters<TestBackend.TestBackend["Service"]["when"]>
) {
  const backend = yield* TestBackend.TestBackend
  yield* backend.when(match, ...behaviours)
})

const answerWith = (fields: object) => TestReply.mapJson((json) => ({ ...json, ...fields }))

describe("PluginInstaller.read", () => {
  it.effect(
    "describes a plugin that is neither installed nor cached",
    Effect.fnUntraced(function* () {
      const state = yield* read
      assert.strictEqual(state.plugin.pluginId, pluginId)
      assert.strictEqual(state.details.release.display_name, "alpha")
      assert.deepStrictEqual(state.installed, Option.none())
      assert.deepStrictEqual(state.cached, Option.none())
      assert.deepStrictEqual(yield* asked, ["read", "listing"])
    }, provide())
  )

  it.effect(
    "says whether an installed plugin is enabled and which version is cached",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const backend = yield* TestBackend.TestBackend
        yield* backend.update(id, { version: "2.0.0" })
        const { cached, details, installed } = yield* read
        assert.strictEqual(Option.getOrThrow(installed).enabled, false)
        assert.strictEqual(details.release.version, "2.0.0")
        assert.strictEqual(Option.getOrThrow(Option.getOrThrow(cached).active), "1.0.0")
      },
      provide({ installed: true, enabled: false })
    )
  )

  it.effect(
    "fails for a plugin that the backend does not know",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.remove(id)
      const error = yield* Effect.flip(read)
      assert.nestedPropertyVal(error, "reason._tag", "NotFound")
    }, provide())
  )

  it.effect(
    "sends nothing for an id that cannot be part of a path",
    Effect.fnUntraced(function* () {
      const installer = yield* PluginInstaller.PluginInstaller
      const odd = RemotePluginId.RemotePluginId.make("../installed")
      for (const error of [
        yield* Effect.flip(installer.read(odd)),
        yield* Effect.flip(installer.install(odd)),
        yield* Effect.flip(installer.uninstall(odd))
      ]) {
        assert.nestedPropertyVal(error, "reason._tag", "UnaddressableId")
      }
      assert.deepStrictEqual(yield* asked, [])
    }, provide())
  )

  it.effect(
    "fails for a row that cannot be shown",
    Effect.fnUntraced(
      function* () {
        const error = yield* Effect.flip(read)
        assert.strictEqual(
          error.message,
          `cannot use the backend's row of ${pluginId}, ${id}: the row is malformed at \`installation_policy\``
        )
      },
      provide({ row: { installation_policy: "PERHAPS" } })
    )
  )
})

describe("PluginInstaller.install", () => {
  it.effect(
    "reads the row, caches the bundle with its identity, and only then installs it on the account",
    Effect.fnUntraced(function* () {
      const store = yield* PluginStore.PluginStore
      let cachedBefore = Option.none<string>()
      yield* when(
        { kind: "install" },
        TestReply.wait(
          Effect.map(Effect.orDie(store.activeVersion(pluginId)), (version) => {
            cachedBefore = version
          })
        )
      )
      const installed = yield* install
      assert.strictEqual(installed.pluginId, pluginId)
      assert.strictEqual(installed.version, "1.0.0")
      assert.deepStrictEqual<Option.Option<string>>(cachedBefore, Option.some("1.0.0"))
      assert.deepStrictEqual(yield* store.remotePluginId(pluginId), Option.some(id))
      assert.isTrue(yield* isOnRecord)
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual(
        (yield* backend.requests()).map(({ method, url }) => `${method} ${url.pathname}`),
        [
          `GET /backend-api/ps/plugins/${id}`,
          (yield* backend.requests({ kind: "bundle" }))
            .map(({ url }) => `GET ${url.pathname}`)
            .join(),
          `POST /backend-api/ps/plugins/${id}/install`
        ]
      )
    }, provide())
  )

  it.effect(
    "leaves the next pass nothing to do",
    Effect.fnUntraced(function* () {
      yield* install
      const before = yield* cacheFiles
      const { failures, kept } = yield* sync
      assert.deepStrictEqual(kept, [pluginId])
      assert.deepStrictEqual(failures, [])
      assert.deepStrictEqual(yield* cacheFiles, before)
    }, provide())
  )

  it.effect(
    "downloads a version again that is already cached",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const fs = yield* FileSystem.FileSystem
        const store = yield* PluginStore.PluginStore
        const skill = `${store.versionRoot(pluginId, (yield* install).version)}/skills/alpha/SKILL.md`
        yield* fs.writeFileString(skill, "scribbled over")
        yield* install
        assert.include(yield* fs.readFileString(skill), "Say hello.")
      },
      provide({ installed: true })
    )
  )

  const refusals: ReadonlyArray<
    readonly [what: string, tag: string, options: Options, ...asked: ReadonlyArray<string>]
  > = [
    [
      "a plugin that is not available",
      "NotInstallable",
      { row: { installation_policy: "NOT_AVAILABLE" } },
      "read"
    ],
    [
      "a plugin that an administrator disabled",
      "NotInstallable",
      { row: { status: "DISABLED_BY_ADMIN" } },
      "read"
    ],
    ["a row of another plugin", "RemoteCatalogError", { row: { id: "plugins~Other" } }, "read"],
    ["a row that cannot be named", "InvalidRemotePlugin", { row: { name: "a b" } }, "read"],
    ["a row that cannot be shown", "InvalidRemotePlugin", { release: { description: 5 } }, "read"],
    ["a row without a version", "InvalidRemotePlugin", { release: { version: null } }, "read"],
    [
      "a row without a bundle",
      "InvalidRemotePlugin",
      { release: { bundle_download_url: null } },
      "read"
    ],
    [
      "a bundle over plain HTTP",
      "RemoteBundleError",
      { release: { bundle_download_url: "http://bundles.test/alpha" } },
      "read"
    ],
    [
      "a bundle that is no archive",
      "RemoteBundleError",
      { bundle: new TextEncoder().encode("no archive") },
      "read",
      "bundle"
    ],
    [
      "a bundle of another plugin",
      "RemoteBundleError",
      { files: { ".codex-plugin/plugin.json": '{"name":"beta"}' } },
      "read",
      "bundle"
    ]
  ]

  it.effect.each(refusals)(
    "rejects %s without another request and leaves nothing behind",
    ([, tag, options, ...asks]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(install)
        assert.strictEqual(error._tag, tag)
        assert.deepStrictEqual(yield* asked, asks)
        assert.isFalse(yield* isOnRecord)
        const disk = yield* MemoryFileSystem.Disk
        const { root } = yield* CodexHome.CodexHome
        const left = Object.entries(disk.snapshot(`${root}/plugins`))
        assert.isTrue(left.every(([, { type }]) => type === "Directory"))
        assert.isFalse(left.some(([path]) => path.includes("alpha")))
      }).pipe(provide(options))
  )

  it.effect(
    "keeps the previous version if the new one cannot be downloaded",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const before = yield* cacheFiles
        const backend = yield* TestBackend.TestBackend
        yield* backend.update(id, { version: "2.0.0" })
        yield* when({ kind: "bundle" }, TestReply.status(404))
        assert.strictEqual((yield* Effect.flip(install))._tag, "RemoteBundleError")
        assert.deepStrictEqual(yield* cacheFiles, before)
      },
      provide({ installed: true })
    )
  )

  it.effect.each([
    ["a refusal", TestReply.status(403)],
    ["another plugin's id", answerWith({ id: "plugins~Other" })],
    ["the contrary", answerWith({ enabled: false })],
    ["no JSON", TestReply.body("<html>")]
  ] as const)("reports it when the account answers the install with %s", ([, behaviour]) =>
    Effect.gen(function* () {
      yield* when({ kind: "install" }, behaviour)
      const error = yield* Effect.flip(install)
      assert.propertyVal(error, "_tag", "PartialChange")
      assert.propertyVal(error, "done", "Cached")
      assert.match(
        error.message,
        /^alpha@openai-curated-remote \(.*\) is in the cache, but .*\brun a sync to resolve this$/
      )
      assert.deepStrictEqual<Option.Option<string>>(yield* cachedVersion, Option.some("1.0.0"))
    }).pipe(provide())
  )

  it.effect(
    "leaves it to the next pass to remove a plugin that did not get onto the account",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "install" }, TestReply.status(403))
      yield* Effect.flip(install)
      assert.deepStrictEqual((yield* sync).removed, [pluginId])
      assert.deepStrictEqual(yield* cachedVersion, Option.none())
    }, provide())
  )

  it.effect(
    "leaves it to the next pass to keep a plugin that got onto the account after all, without another download",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "install" }, TestReply.body("<html>"))
      yield* Effect.flip(install)
      assert.deepStrictEqual((yield* sync).kept, [pluginId])
      assert.deepStrictEqual(yield* asked, ["read", "bundle", "install", "listing"])
    }, provide())
  )

  it.effect(
    "lets no pass run between the changes of the cache and of the account",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      const gate = yield* Latch.make()
      yield* when({ kind: "install" }, TestReply.wait(gate.await))
      const installing = yield* Effect.forkChild(install)
      yield* backend.arrival({ kind: "install" })
      const passing = yield* Effect.forkChild(sync)
      yield* Effect.yieldNow
      yield* gate.open
      yield* Fiber.join(installing)
      assert.deepStrictEqual((yield* Fiber.join(passing)).kept, [pluginId])
    }, provide())
  )
})

describe("PluginInstaller.uninstall", () => {
  it.effect(
    "reads the row, uninstalls the plugin on the account, and only then removes it with its identity",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const backend = yield* TestBackend.TestBackend
        yield* backend.forget
        const store = yield* PluginStore.PluginStore
        let cachedThen = Option.none<string>()
        yield* when(
          { kind: "uninstall" },
          TestReply.wait(
            Effect.map(Effect.orDie(store.activeVersion(pluginId)), (version) => {
              cachedThen = version
            })
          )
        )
        assert.strictEqual(yield* uninstall, pluginId)
        assert.deepStrictEqual<Option.Option<string>>(cachedThen, Option.some("1.0.0"))
        assert.deepStrictEqual(yield* asked, ["read", "uninstall"])
        assert.isFalse(yield* isOnRecord)
        assert.deepStrictEqual(yield* store.read(pluginId), Option.none())
      },
      provide({ installed: true })
    )
  )

  it.effect(
    "changes neither account nor cache while a version is leased, unless it is forced",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const installer = yield* PluginInstaller.PluginInstaller
        const store = yield* PluginStore.PluginStore
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lease(pluginId)
            const before = yield* cacheFiles
            const error = yield* Effect.flip(uninstall)
            assert.instanceOf(error, PluginStore.PluginStoreError)
            assert.strictEqual(error.reason._tag, "Leased")
            assert.isTrue(yield* isOnRecord)
            assert.deepStrictEqual(yield* cacheFiles, before)
            yield* installer.uninstall(id, { force: true })
            assert.isFalse(yield* isOnRecord)
          })
        )
        assert.deepStrictEqual(yield* store.read(pluginId), Option.none())
      },
      provide({ installed: true })
    )
  )

  it.effect(
    "succeeds for a plugin that is neither installed nor cached",
    Effect.fnUntraced(function* () {
      assert.strictEqual(yield* uninstall, pluginId)
    }, provide())
  )

  it.effect(
    "works for a row that can be neither shown nor installed",
    Effect.fnUntraced(
      function* () {
        yield* uninstall
      },
      provide({ row: { installation_policy: "PERHAPS" }, release: { version: null } })
    )
  )

  it.effect.each([
    ["the row cannot be read", "read", TestReply.status(403)],
    ["the row is another plugin's", "read", answerWith({ id: "plugins~Other" })],
    ["the account does not allow it", "uninstall", TestReply.status(403)],
    ["the answer is for another plugin", "uninstall", answerWith({ id: "plugins~Other" })],
    [
      "the answer says that the plugin is still installed",
      "uninstall",
      answerWith({ enabled: true })
    ]
  ] as const)("removes nothing if %s", ([, kind, behaviour]) =>
    Effect.gen(function* () {
      yield* sync
      const before = yield* cacheFiles
      yield* when({ kind }, behaviour)
      assert.strictEqual((yield* Effect.flip(uninstall))._tag, "RemoteCatalogError")
      assert.deepStrictEqual(yield* cacheFiles, before)
    }).pipe(provide({ installed: true }))
  )

  it.effect(
    "reports what could not be removed after the account uninstalled it",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const store = yield* PluginStore.PluginStore
        const cause = new PluginStore.PluginStoreError({
          operation: "uninstall",
          pluginId,
          remotePluginId: id,
          reason: {
            _tag: "Held",
            path: "/held",
            cause: platformError({ code: "EBUSY", method: "rename", pathOrDescriptor: "/held" })
          }
        })
        const { uninstall } = yield* PluginInstaller.make.pipe(
          Effect.provideService(PluginStore.PluginStore, {
            ...store,
            uninstall: () => Effect.fail(cause)
          })
        )
        const error = yield* Effect.flip(uninstall(id))
        assert.deepInclude(error, { _tag: "PartialChange", done: "TakenOffRecord", cause })
        assert.include(error.message, "/held is held by another program")
        assert.isFalse(yield* isOnRecord)
        assert.deepStrictEqual((yield* sync).removed, [pluginId])
      },
      provide({ installed: true })
    )
  )
})
