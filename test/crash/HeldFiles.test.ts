/**
 * Files of the cache that another program holds open, as it can on network file systems and Windows.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit } from "effect"
import * as PluginStore from "../../src/PluginStore.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { attempt, reasonsOf } from "../support/faults.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { build, pass } from "../support/pluginWorld.ts"
import { a1, a2, b1, baseRoot, cached } from "../support/scenarios.ts"

/** Refuses renames from or to a path while `isHeld` is true. */
const holding =
  (
    path: string,
    code: FaultyFileSystem.Code,
    isHeld: Effect.Effect<boolean>
  ): FaultyFileSystem.Hook =>
  ({ method, paths }) =>
    method === "rename" && paths.includes(path)
      ? Effect.flatMap(isHeld, (isHeld) =>
          isHeld ? Effect.fail(FaultyFileSystem.errno(code, method, path)) : Effect.void
        )
      : Effect.void

const until = (time: Duration.Duration) =>
  Effect.map(Clock.currentTimeMillis, (now) => now < Duration.toMillis(time))

const always = Effect.succeed(true)

const withoutTimes = (snapshot: MemoryFileSystem.Snapshot) =>
  Object.entries(snapshot).map(([path, entry]) => [path, { ...entry, mtime: 0 }])

describe("a file that another program holds", () => {
  it.effect.each(["EBUSY", "EPERM", "EACCES"] as const)(
    "is waited for if it is released in time (%s)",
    Effect.fnUntraced(function* (code) {
      const disk = yield* cached(a1)
      const time = Duration.subtract(PluginStore.heldFilePatience, Duration.millis(200))
      const exit = yield* attempt(
        pass(FaultyFileSystem.withHook(disk, holding(`${baseRoot}/2.0.0`, code, until(time))), [a2])
      )
      assert.deepStrictEqual(reasonsOf(exit), [])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a2]), [])
      if (Exit.isSuccess(exit))
        assert.isAtLeast(Duration.toMillis(exit.value[0]), Duration.toMillis(time))
    })
  )

  it.effect("fails its plugin only, and keeps the previous version, if it is not released", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const before = disk.snapshot(baseRoot)
      const beta = build("B", "1.0.0", "beta")
      const held = FaultyFileSystem.withHook(disk, holding(`${baseRoot}/2.0.0`, "EBUSY", always))
      const exit = yield* attempt(pass(held, [a2, beta]))
      const [reason, ...others] = reasonsOf(exit)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(reason?.tag, "Held")
      assert.strictEqual(reason?.path, `${baseRoot}/2.0.0`)
      assert.include(reason?.message, "held by another program")
      if (Exit.isSuccess(exit)) {
        const took = Duration.toMillis(exit.value[0])
        assert.isAtLeast(took, Duration.toMillis(PluginStore.heldFilePatience))
        assert.isAtMost(took, Duration.toMillis(PluginStore.heldFilePatience) + 200)
      }
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a1, beta]), [])
      assert.deepStrictEqual(disk.snapshot(baseRoot), before)
      yield* pass(disk, [a2, beta])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a2, beta]), [])
    })
  )

  it.effect("is named if it belongs to the version that is being replaced", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const exit = yield* attempt(
        pass(FaultyFileSystem.withHook(disk, holding(`${baseRoot}/1.0.0`, "EPERM", always)), [b1])
      )
      assert.deepStrictEqual(
        reasonsOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", `${baseRoot}/1.0.0`]]
      )
      assert.strictEqual(CacheContents.activeOf(CacheContents.read(disk)), "A/1.0.0")
      assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [])
      yield* pass(disk, [b1])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [b1]), [])
    })
  )

  it.effect("lets the replaced version return if the new one cannot be moved into place", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      yield* disk.fileSystem.remove(`${baseRoot}/1.0.0/skills`, { recursive: true })
      yield* disk.fileSystem.remove(`${baseRoot}/1.0.0/.codex-plugin`, { recursive: true })
      const before = withoutTimes(disk.snapshot(baseRoot))
      const held = FaultyFileSystem.withHook(disk, ({ method, paths }) =>
        method === "rename" && paths[0]?.endsWith("/bundle")
          ? Effect.fail(FaultyFileSystem.errno("EBUSY", method, paths[0]))
          : Effect.void
      )
      const exit = yield* attempt(pass(held, [a1]))
      assert.deepStrictEqual(
        reasonsOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", `${baseRoot}/1.0.0`]]
      )
      assert.deepStrictEqual(withoutTimes(disk.snapshot(baseRoot)), before)
    })
  )

  it.effect("prevents the removal of its plugin, which stays unchanged", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const exit = yield* attempt(
        pass(FaultyFileSystem.withHook(disk, holding(baseRoot, "EBUSY", always)), [])
      )
      assert.deepStrictEqual(
        reasonsOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", baseRoot]]
      )
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a1]), [])
    })
  )
})
