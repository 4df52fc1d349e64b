import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, FileSystem, Option } from "effect"
import { TestClock } from "effect/testing"
import * as CacheLock from "../src/CacheLock.ts"
import { claimPrefix } from "../src/internal/cache/staging.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import { build, open, pluginId, remoteId, root, stage, versionOf } from "./support/pluginWorld.ts"
import { tagOf } from "./support/storeErrors.ts"
import { stagingOf } from "./support/homePaths.ts"

const alpha = pluginId("alpha")
const beta = pluginId("beta")
const Memory = TestCodexPlugins.layer
const store = PluginStore.PluginStore

describe("PluginStore.claimed", () => {
  it.effect(
    "admits one caller at a time, in the order in which they came, and says who waits",
    () =>
      Effect.gen(function* () {
        const { claimed } = yield* store
        const events: Array<string> = []
        const say = (event: string) => Effect.sync(() => events.push(event))
        const work = (name: string) =>
          claimed(
            alpha,
            say(`${name} in`).pipe(
              Effect.andThen(Effect.yieldNow),
              Effect.andThen(say(`${name} out`))
            ),
            { onWait: Effect.asVoid(say(`${name} waits`)) }
          )
        yield* Effect.all([work("a"), work("b")], { concurrency: "unbounded" })
        assert.deepStrictEqual(
          events.filter((event) => event !== "b waits"),
          ["a in", "a out", "b in", "b out"]
        )
        assert.include(events, "b waits")
      }).pipe(Effect.provide(Memory))
  )

  it.effect("does not block callers for other plugins", () =>
    Effect.gen(function* () {
      const { claimed } = yield* store
      assert.strictEqual(yield* claimed(alpha, claimed(beta, Effect.succeed("in"))), "in")
      const holder = yield* Effect.forkChild(claimed(alpha, Effect.never), {
        startImmediately: true
      })
      assert.strictEqual(yield* claimed(beta, Effect.succeed("in")), "in")
      yield* Fiber.interrupt(holder)
    }).pipe(Effect.provide(Memory))
  )

  it.effect("admits a caller at once that has claimed the plugin or holds the lock", () =>
    Effect.gen(function* () {
      const { claimed } = yield* store
      const lock = yield* CacheLock.CacheLock
      assert.strictEqual(yield* claimed(alpha, claimed(alpha, Effect.succeed("in"))), "in")
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        claimed(alpha, Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      assert.strictEqual(yield* lock.hold(claimed(alpha, Effect.succeed("in"))), "in")
      yield* Fiber.interrupt(holder)
    }).pipe(Effect.provide(Memory))
  )

  it.effect("fails with Claimed instead of waiting if it is asked to", () =>
    Effect.gen(function* () {
      const { claimed } = yield* store
      const inner = claimed(alpha, Effect.void, { wait: false })
      const tag = yield* Effect.gen(function* () {
        const entered = yield* Deferred.make<void>()
        yield* Effect.forkScoped(
          claimed(alpha, Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
        )
        yield* Deferred.await(entered)
        return yield* tagOf(inner)
      }).pipe(Effect.scoped)
      assert.strictEqual(tag, "Claimed")
      yield* inner
    }).pipe(Effect.provide(Memory))
  )

  it.effect("fails with Changed, and runs nothing, if the plugin is not as expected", () =>
    Effect.gen(function* () {
      const { claimed, read } = yield* store
      const expected = yield* read(alpha)
      yield* stage(build("A", "1.0.0"))
      let isRun = false
      const change = Effect.sync(() => {
        isRun = true
      })
      assert.strictEqual(yield* tagOf(claimed(alpha, change, { expected })), "Changed")
      assert.isFalse(isRun)
      yield* claimed(alpha, change, { expected: yield* read(alpha) })
      assert.isTrue(isRun)
    }).pipe(Effect.provide(Memory))
  )

  it.effect("shows every five seconds, for each plugin, that its process is not frozen", () =>
    Effect.gen(function* () {
      const { claimed } = yield* store
      const fs = yield* FileSystem.FileSystem
      const staging = stagingOf(TestCodexPlugins.root)
      const times = Effect.gen(function* () {
        const names = (yield* fs.readDirectory(staging)).filter((name) =>
          name.startsWith(claimPrefix)
        )
        return yield* Effect.forEach(names, (name) =>
          Effect.map(fs.stat(`${staging}/${name}`), ({ mtime }) =>
            Option.getOrThrow(mtime).getTime()
          )
        )
      })
      const hold = (plugin: typeof alpha, seconds: number) =>
        Effect.forkChild(claimed(plugin, Effect.sleep(Duration.seconds(seconds))), {
          startImmediately: true
        })
      const holders = [yield* hold(alpha, 12), yield* hold(beta, 22)]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* times, [5000, 5000])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* times, [15_000])
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forEach(holders, Fiber.join)
      assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
    }).pipe(Effect.provide(Memory))
  )

  it.effect("lets a caller that has claimed the plugin fail if it expects another state", () =>
    Effect.gen(function* () {
      const { claimed, read } = yield* store
      const absent = yield* read(alpha)
      yield* stage(build("A", "1.0.0"))
      const inner = claimed(alpha, Effect.succeed("in"), { expected: absent })
      assert.strictEqual(yield* tagOf(claimed(alpha, inner)), "Changed")
      const present = yield* read(alpha)
      assert.strictEqual(yield* tagOf(claimed(alpha, inner, { expected: present })), "Changed")
      // A claim that has ended changes nothing.
      const ended = yield* Deferred.make<void>()
      const late = yield* claimed(
        beta,
        Effect.forkDetach(
          Effect.andThen(Deferred.await(ended), claimed(beta, Effect.void, { expected: absent }))
        ),
        { expected: absent }
      )
      yield* stage(build("B", "1.0.0", "beta"))
      yield* Deferred.succeed(ended, undefined)
      assert.strictEqual(yield* tagOf(Fiber.join(late)), "Changed")
    }).pipe(Effect.provide(Memory))
  )

  it.effect.each(["claimed", "installNew"] as const)(
    "leaves no claim if it is interrupted as soon as it has made one (%s)",
    Effect.fnUntraced(function* (method) {
      const { fileSystem } = yield* MemoryFileSystem.make()
      yield* fileSystem.makeDirectory(root)
      let claims = 0
      const interrupting = {
        ...fileSystem,
        makeDirectory: (...[path, options]: Parameters<FileSystem.FileSystem["makeDirectory"]>) =>
          Effect.tap(fileSystem.makeDirectory(path, options), () =>
            Effect.sync(() => {
              if (!path.includes(claimPrefix)) return
              claims++
              Fiber.getCurrent()?.interruptUnsafe()
            })
          )
      }
      const services = yield* open(interrupting)
      const { claimed, internals } = Context.get(services, store)
      const plugin = {
        pluginId: alpha,
        version: versionOf(build("A", "1.0.0")),
        remotePluginId: remoteId("A")
      }
      const call =
        method === "claimed"
          ? claimed(alpha, Effect.void)
          : internals.installNew([plugin], () => Effect.succeed([]))
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(yield* Effect.forkChild(call))))
      assert.strictEqual(claims, 1)
      const staging = stagingOf(root)
      assert.deepStrictEqual(yield* fileSystem.readDirectory(staging), [])
    }, Effect.scoped)
  )

  it.effect("keeps a pass from removing the plugin", () =>
    Effect.gen(function* () {
      const { claimed, read, remove } = yield* store
      yield* stage(build("A", "1.0.0"))
      const plugin = Option.getOrThrow(yield* read(alpha))
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        claimed(alpha, Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      assert.isFalse(yield* remove(plugin))
      yield* Fiber.interrupt(holder)
      assert.isTrue(yield* remove(plugin))
    }).pipe(Effect.provide(Memory))
  )
})
