import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import { leasePrefix } from "../src/internal/cache/staging.ts"
import { helper } from "./support/builtPrograms.ts"
import { build, pluginId, stage } from "./support/pluginWorld.ts"
import { reasonOf } from "./support/storeErrors.ts"
import { stagingOf } from "./support/homePaths.ts"

const alpha = pluginId("alpha")
const version = (text: string) => PluginVersion.PluginVersion.make(text)
const [a1, a2] = [build("A", "1.0.0"), build("A", "2.0.0")]

const leasedAt = (text: string): PluginStore.PluginStoreError["reason"] => ({
  _tag: "Leased",
  version: version(text)
})

/** The store of a home on disk. Each has a lock and owner files of its own, as another process has. */
const storeAt = (home: string) =>
  Layer.build(
    PluginStore.layer.pipe(
      Layer.provideMerge(CacheLock.layer),
      Layer.provideMerge(CodexHome.layerAt(home)),
      Layer.fresh
    )
  )

const onDisk = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  const services = yield* storeAt(home)
  const store = Context.get(services, PluginStore.PluginStore)
  yield* Effect.provideContext(stage(a1), services)
  const staging = stagingOf(home)
  return { home, staging, store }
})

describe("PluginStore.lease between processes", () => {
  it.live(
    "is respected by another layer of the same home",
    () =>
      Effect.gen(function* () {
        const { home, staging, store } = yield* onDisk
        const other = Context.get(yield* storeAt(home), PluginStore.PluginStore)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lease(alpha)
            assert.deepStrictEqual(yield* other.leased(alpha), [version("1.0.0")])
            yield* other.sweep
            assert.deepStrictEqual(yield* reasonOf(other.uninstall(alpha)), leasedAt("1.0.0"))
          })
        )
        assert.isTrue(yield* other.uninstall(alpha))
        assert.deepStrictEqual(Fs.readdirSync(staging), [])
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))),
    30_000
  )

  it.live(
    "keeps the files at every moment while others replace and remove the plugin",
    () =>
      Effect.gen(function* () {
        const { home, staging } = yield* onDisk
        const counts = { leases: 0, refused: 0, changes: 0 }
        const changer = yield* storeAt(home)
        const { uninstall } = Context.get(changer, PluginStore.PluginStore)
        const change = <E extends { readonly _tag: string }, R>(
          effect: Effect.Effect<unknown, E, R>
        ) =>
          effect.pipe(
            Effect.andThen(Effect.sync(() => counts.changes++)),
            Effect.catchIf(
              (error) =>
                error instanceof PluginStore.PluginStoreError && error.reason._tag === "Leased",
              () => Effect.sync(() => counts.refused++)
            ),
            Effect.andThen(Effect.yieldNow)
          )
        yield* Effect.all([change(stage(a2)), change(stage(a1)), change(uninstall(alpha))]).pipe(
          Effect.provideContext(changer),
          Effect.forever,
          Effect.forkScoped
        )
        const leaser = Effect.gen(function* () {
          const store = Context.get(yield* storeAt(home), PluginStore.PluginStore)
          const holdOnce = Effect.gen(function* () {
            const { root } = yield* store.lease(alpha)
            const before = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
            assert.isNotEmpty(before)
            const attempts = () => counts.changes + counts.refused
            const seen = attempts()
            yield* Effect.repeat(Effect.yieldNow, { until: () => attempts() > seen + 1 })
            assert.sameMembers(Fs.readdirSync(root, { recursive: true, encoding: "utf8" }), before)
            counts.leases++
          }).pipe(Effect.scoped)
          // The loop ends when each event has happened, which may take long on a busy machine.
          yield* Effect.repeat(
            Effect.catchTag(holdOnce, "PluginStoreError", (error) =>
              error.reason._tag === "NotInstalled" ? Effect.void : Effect.fail(error)
            ),
            { until: () => Math.min(counts.changes, counts.leases, counts.refused) >= 10 }
          )
        })
        yield* Effect.all([leaser, leaser, leaser], { concurrency: "unbounded" })
        assert.notInclude(Fs.readdirSync(staging).join(), leasePrefix)
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))),
    30_000
  )

  it.live(
    "lasts while its process is frozen, and ends with its process",
    () =>
      Effect.gen(function* () {
        const { home, staging, store } = yield* onDisk
        const script = yield* Effect.promise(() => helper("holdLease"))
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, [script, home, "alpha"], {
              stdio: ["ignore", "pipe", "inherit"]
            })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const ended = new Promise((resolve) => child.once("exit", resolve))
        yield* Effect.promise(() => new Promise((resolve) => child.stdout.once("data", resolve)))
        assert.deepStrictEqual(yield* store.leased(alpha), [version("1.0.0")])
        child.kill("SIGSTOP")
        yield* store.sweep
        assert.deepStrictEqual(yield* reasonOf(store.uninstall(alpha)), leasedAt("1.0.0"))
        child.kill("SIGKILL")
        yield* Effect.promise(() => ended)
        yield* store.sweep
        assert.deepStrictEqual(Fs.readdirSync(staging), [])
        assert.isTrue(yield* store.uninstall(alpha))
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))),
    30_000
  )
})
