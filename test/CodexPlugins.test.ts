import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, FileSystem, Layer, Path } from "effect"
import { CacheLock, CodexHome, CodexPlugins, PluginStore, PluginSync } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"
import { TestBackend, TestCodexPlugins, TestReply } from "effect-codex-plugins/testing"
import * as Disk from "../src/internal/disk/Disk.ts"
import { nodeDisk } from "../src/internal/disk/nodeDisk.ts"
import * as KernelLock from "../src/internal/lock/kernelLock.ts"
import * as LocalHome from "./support/localHome.ts"
import { settle } from "./support/settle.ts"

const cached = Effect.gen(function* () {
  const store = yield* PluginStore.PluginStore
  return (yield* store.list).map(({ pluginId }) => String(pluginId))
})

describe("layers of homes", () => {
  it.effect("open a second home inside a program that already has one", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* LocalHome.make("one"), yield* LocalHome.make("two")]
      const both = Effect.all([
        cached,
        Effect.provide(cached, NodeCodexPlugins.layerAt(second)),
        Effect.provide(cached, CodexPlugins.layerAt(second)),
        cached
      ])
      assert.deepStrictEqual(
        yield* Effect.provide(
          both,
          Layer.provideMerge(NodeCodexPlugins.layerAt(first), NodeCodexPlugins.layerHttp)
        ),
        [["one@local"], ["two@local"], ["two@local"], ["one@local"]]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("share the services of one layer that a program provides twice", () =>
    Effect.gen(function* () {
      const outer = yield* PluginSync.PluginSync
      const inner = yield* Effect.provide(PluginSync.PluginSync, home)
      assert.strictEqual(inner, outer)
    }).pipe(Effect.provide(home))
  )

  it.effect("open a second home of a test inside a test that already has one", () =>
    Effect.gen(function* () {
      const sync = PluginSync.PluginSync.use(({ sync }) => sync)
      const second = TestBackend.plugin({ name: "two", version: "1.0.0" })
      yield* sync
      const both = Effect.andThen(sync, cached).pipe(
        Effect.provide(TestCodexPlugins.layerWith({ plugins: [second] }))
      )
      assert.deepStrictEqual(yield* both, ["two@openai-curated-remote"])
      assert.deepStrictEqual(yield* cached, ["one@openai-curated-remote"])
    }).pipe(Effect.provide(home))
  )
})

describe("NodeCodexPlugins", () => {
  const options: CodexPlugins.Options = { catalog: { retries: 0 } }

  it.live.each([
    {
      name: "layerAt",
      layerOf: (home: string) => NodeCodexPlugins.layerAt(home, options)
    },
    {
      name: "layerWith",
      layerOf: (home: string) =>
        Layer.provide(
          NodeCodexPlugins.layerWith(options),
          ConfigProvider.layer(ConfigProvider.fromEnv({ env: { CODEX_HOME: home } }))
        )
    }
  ])("$name takes the options of every service", ({ layerOf }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const backend = yield* TestBackend.make()
      yield* backend.when({ kind: "listing" }, TestReply.status(503))
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* backend.writeHome(home, yield* backend.serve())
      const sync = PluginSync.PluginSync.use(({ sync }) => sync)
      const error = yield* Effect.flip(Effect.provide(sync, layerOf(home)))
      assert.strictEqual(error._tag, "RemoteCatalogError")
      assert.lengthOf(yield* backend.requests({ kind: "listing" }), 1)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("layerPlatform lets the services read and write directly on node:fs", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Disk.make, nodeDisk)
    }).pipe(Effect.provide(NodeCodexPlugins.layerPlatform))
  )

  it.effect("layerPlatform serves an HTTP client of the host's", () =>
    Effect.gen(function* () {
      const home = yield* LocalHome.make("one")
      const layer = Layer.provide(CodexPlugins.layerAt(home), [
        TestBackend.layerHttpClient.pipe(Layer.provide(TestBackend.layer)),
        NodeCodexPlugins.layerPlatform
      ])
      assert.deepStrictEqual(yield* Effect.provide(cached, layer), ["one@local"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

const home = TestCodexPlugins.layerWith({
  plugins: [TestBackend.plugin({ name: "one", version: "1.0.0" })]
})

const one = TestBackend.plugin({ name: "one", version: "1.0.0" })
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

/** The options of a home with one plugin, except for the lock, which a test replaces. */
const withServices = (services: Omit<CodexPlugins.Options, "lock">) =>
  Effect.provide(TestCodexPlugins.layerWith({ plugins: [one], services }))

/** The number of requests of a kind if every answer is 503. */
const requestsOf = Effect.fnUntraced(function* (kind: "bundle" | "listing") {
  const backend = yield* TestBackend.TestBackend
  yield* backend.when({ kind }, TestReply.status(503))
  yield* Effect.exit(settle(sync))
  return (yield* backend.requests({ kind })).length
})

/** One test for each option, which shows that the option has an effect. */
const effects: {
  readonly [Key in keyof CodexPlugins.Options]-?: Effect.Effect<void, unknown>
} = {
  archive: Effect.gen(function* () {
    const { failures } = yield* sync
    assert.lengthOf(failures, 1)
    assert.include(failures[0]?.error.message, "more than 10 bytes unpacked")
  }).pipe(withServices({ archive: { unpackedBytes: 10 } })),
  bundle: Effect.gen(function* () {
    assert.strictEqual(yield* requestsOf("bundle"), 1)
  }).pipe(withServices({ bundle: { retries: 0 } })),
  catalog: Effect.gen(function* () {
    assert.strictEqual(yield* requestsOf("listing"), 1)
  }).pipe(withServices({ catalog: { retries: 0 } })),
  lock: Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
    yield* fs.makeDirectory(path.join(home, "plugins"))
    yield* KernelLock.tryAcquire(path.join(home, "plugins", CacheLock.fileName))
    const error = yield* CacheLock.CacheLock.use(({ hold }) => Effect.flip(hold(Effect.void))).pipe(
      Effect.provide(CodexPlugins.layerAt(home, { lock: { waitLimit: 0 } })),
      Effect.provide(NodeCodexPlugins.layerHttp)
    )
    assert.deepStrictEqual(error.reason, {
      _tag: "TimedOut",
      waited: Duration.zero,
      holder: null
    })
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  seeds: Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    yield* backend.writeHome("/seed")
    yield* sync.pipe(
      Effect.provide(CodexPlugins.layerServicesWith({})),
      Effect.provide([CacheLock.layerInProcess, TestBackend.layerHttpClient]),
      Effect.provide(CodexHome.layerAt("/seed"))
    )
    const { installed } = yield* sync
    assert.lengthOf(installed, 1)
    assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 1)
  }).pipe(withServices({ seeds: ["/seed"] })),
  sync: Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    yield* sync
    yield* backend.update(one.id, { version: "2.0.0" })
    yield* sync
    const store = yield* PluginStore.PluginStore
    assert.deepStrictEqual(
      (yield* store.list).map(({ versions }) => versions.map(String)),
      [["2.0.0"]]
    )
  }).pipe(withServices({ sync: { retention: 0 } }))
}

const invalid = <Options>(path: string, ...options: ReadonlyArray<Options>) =>
  options.map((options) => [path, options] as const)

describe("the options of CodexPlugins", () => {
  it.effect.each(Object.entries(effects))("have an effect: %s", ([, effect]) => effect)

  it.effect.each([
    ...invalid("BundleArchive.packedBytes", { archive: { packedBytes: 0 } }),
    ...invalid("BundleArchive.unpackedBytes", { archive: { unpackedBytes: 1.5 } }),
    ...invalid("RemoteBundle.retries", { bundle: { retries: -1 } }),
    ...invalid("RemoteCatalog.retries", { catalog: { retries: Number.NaN } }),
    ...invalid("CodexPlugins.seeds", { seeds: ["/home", ""] }),
    ...invalid("PluginSync.concurrency", { sync: { concurrency: 0 } }),
    ...invalid(
      "PluginSync.retention",
      { sync: { retention: -1 } },
      { sync: { retention: Number.NaN } },
      { sync: { retention: "tomorrow" as Duration.Input } }
    ),
    ...invalid("PluginSync.removal", { sync: { removal: "sometimes" as "never" } })
  ])("are a defect if %s is invalid: %j", ([name, services]) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(withServices(services)(PluginSync.PluginSync))
      assert.include(
        String(Exit.isFailure(exit) && Cause.squash(exit.cause)),
        `\`${name}\` must be`
      )
    })
  )
})
