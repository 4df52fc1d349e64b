import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Latch } from "effect"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as CacheContents from "./support/cacheContents.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import { fingerprint } from "./support/fingerprints.ts"
import { backend, cache, plugin, provide, staging, sync } from "./support/pluginSyncs.ts"
import { build, pass, root, pluginId } from "./support/pluginWorld.ts"

describe("PluginSync.sync, with two callers", () => {
  const alpha = plugin({ name: "alpha" })

  /** Two callers of one pass, whose download waits until the gate opens. */
  const begun = Effect.gen(function* () {
    const { arrival, when } = yield* backend
    const gate = yield* Latch.make()
    yield* when({ kind: "bundle", nth: 1 }, TestReply.wait(gate.await))
    const first = yield* Effect.forkChild(sync)
    yield* arrival({ kind: "bundle" })
    const second = yield* Effect.forkChild(sync, { startImmediately: true })
    return { gate, first, second }
  })

  it.effect(
    "is joined by the second caller",
    Effect.fnUntraced(
      function* () {
        const { first, gate, second } = yield* begun
        yield* gate.open
        const outcomes = yield* Fiber.joinAll([first, second])
        assert.deepStrictEqual(outcomes[0]?.installed, [pluginId("alpha")])
        assert.strictEqual(outcomes[0], outcomes[1])
        const { requests } = yield* backend
        assert.lengthOf(yield* requests({ kind: "listing" }), 1)
        assert.deepStrictEqual((yield* sync).kept, [pluginId("alpha")])
        assert.lengthOf(yield* requests({ kind: "listing" }), 2)
      },
      provide({ plugins: [alpha] })
    )
  )

  for (const interrupted of ["first", "second"] as const) {
    it.effect(
      `continues when its ${interrupted} caller is interrupted`,
      Effect.fnUntraced(
        function* () {
          const { gate, ...callers } = yield* begun
          yield* Fiber.interrupt(callers[interrupted])
          yield* gate.open
          const other = interrupted === "first" ? callers.second : callers.first
          assert.deepStrictEqual((yield* Fiber.join(other)).installed, [pluginId("alpha")])
        },
        provide({ plugins: [alpha] })
      )
    )
  }

  it.effect(
    "ends when both callers are interrupted, and can be called again",
    Effect.fnUntraced(
      function* () {
        const { first, second } = yield* begun
        yield* Fiber.interruptAll([first, second])
        const { requests } = yield* backend
        const [request] = yield* requests({ kind: "bundle" })
        assert.strictEqual(request?.outcome, "aborted")
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
        assert.isFalse(yield* fs.exists(cache))
        assert.deepStrictEqual((yield* sync).installed, [pluginId("alpha")])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "leaves an intact cache and no leftovers when it is interrupted before any change",
    () =>
      Effect.gen(function* () {
        const start = yield* MemoryFileSystem.make()
        yield* start.fileSystem.makeDirectory(root)
        yield* pass(start, [build("A", "1.0.0", "one"), build("A", "2.0.0", "two")])
        const wanted = [build("B", "1.0.0", "one"), build("A", "1.0.0", "two")]
        const checked = new Set<string>()
        let isOver = false
        for (let moment = 0; !isOver; moment++) {
          const disk = start.clone()
          const reached = yield* Deferred.make<void>()
          const fs = FaultyFileSystem.make(disk.fileSystem, ({ change }) =>
            change === moment
              ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.yieldNow)
              : Effect.void
          )
          const fiber = yield* Effect.forkChild(pass({ ...disk, fileSystem: fs }, wanted))
          isOver = yield* Effect.raceFirst(
            Effect.as(Deferred.await(reached), false),
            Effect.as(Fiber.await(fiber), true)
          )
          yield* Fiber.interrupt(fiber)
          const contents = CacheContents.read(disk)
          assert.deepStrictEqual(CacheContents.violations(contents), [], `at ${moment}`)
          assert.deepStrictEqual(contents.staged, [], `at ${moment}`)
          const known = fingerprint(disk)
          if (checked.has(known)) continue
          checked.add(known)
          yield* pass(disk, wanted)
          assert.deepStrictEqual(yield* CacheContents.differences(disk, wanted), [], `at ${moment}`)
        }
        assert.isAbove(checked.size, 2)
      }),
    30_000
  )
})
