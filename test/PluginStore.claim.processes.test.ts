import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, FileSystem, Layer, Tracer } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { claimPrefix } from "../src/internal/cache/staging.ts"
import * as PluginStore from "../src/PluginStore.ts"
import { helper } from "./support/builtPrograms.ts"
import { build, pluginId, stage } from "./support/pluginWorld.ts"
import { tagOf } from "./support/storeErrors.ts"
import { stagingOf } from "./support/homePaths.ts"

const alpha = pluginId("alpha")
const beta = pluginId("beta")
const store = PluginStore.PluginStore

/** The store of a home on disk, with a process that has claimed the plugin alpha. */
const besideOwner = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  const services = yield* Layer.build(
    PluginStore.layer.pipe(
      Layer.provideMerge(CacheLock.layer),
      Layer.provideMerge(CodexHome.layerAt(home)),
      Layer.fresh
    )
  )
  const program = yield* Effect.promise(() => helper("holdClaim"))
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [program, home, "alpha"], { stdio: ["ignore", "pipe", "inherit"] })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const exit = new Promise((resolve) => child.once("exit", resolve))
  const ended = Effect.promise(() => exit)
  yield* Effect.promise(() => new Promise((resolve) => child.stdout.once("data", resolve)))
  const staging = stagingOf(home)
  return { child, ended, staging, services, store: Context.get(services, store) }
})

const Node = Layer.merge(NodeFileSystem.layer, NodePath.layer)

describe("PluginStore.claimed between processes", { timeout: 30_000 }, () => {
  it.live("waits for a process that has claimed the plugin, and goes on when it is killed", () =>
    Effect.gen(function* () {
      const { child, ended, services, staging, store } = yield* besideOwner
      const waiting = yield* Deferred.make<void>()
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const waiter = yield* store
        .claimed(alpha, Effect.succeed("in"), {
          onWait: Effect.asVoid(Deferred.succeed(waiting, undefined))
        })
        .pipe(Effect.withTracer(tracer), Effect.forkChild)
      yield* Deferred.await(waiting)
      // Work on other plugins continues.
      yield* Effect.provideContext(stage(build("A", "1.0.0", "beta")), services)
      assert.isTrue(yield* store.uninstall(beta))
      assert.isUndefined(waiter.pollUnsafe())
      child.kill("SIGKILL")
      assert.strictEqual(yield* Effect.timeout(Fiber.join(waiter), "10 seconds"), "in")
      yield* ended
      assert.deepStrictEqual(
        spans
          .filter(({ name }) => name === "PluginStore.wait")
          .map(({ attributes }) => Object.fromEntries(attributes)),
        [{ pluginId: alpha, holder: child.pid }]
      )
      yield* store.sweep
      assert.deepStrictEqual(Fs.readdirSync(staging), [])
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("stays valid while its process is frozen, and is not swept", () =>
    Effect.gen(function* () {
      const { child, staging, store } = yield* besideOwner
      child.kill("SIGSTOP")
      yield* store.sweep
      assert.isFalse(yield* store.hasLeftovers)
      assert.isTrue(Fs.readdirSync(staging).some((name) => name.startsWith(claimPrefix)))
      assert.strictEqual(
        yield* tagOf(store.claimed(alpha, Effect.void, { wait: false })),
        "Claimed"
      )
    }).pipe(Effect.scoped, Effect.provide(Node))
  )
})
