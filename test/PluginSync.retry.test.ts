import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as PluginSync from "../src/PluginSync.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

describe("PluginSync.events", () => {
  it.effect("names a plugin that fails once in its log", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => lines.push(message))
      const { sync } = yield* PluginSync.PluginSync
      yield* Effect.provide(sync, Logger.layer([logger]))
      assert.deepStrictEqual(lines, [
        ["could not sync broken@openai-curated-remote: it is not gzip"]
      ])
    }).pipe(
      Effect.provide(
        TestCodexPlugins.layerWith({
          plugins: [TestBackend.plugin({ name: "broken", bundle: new Uint8Array(9) })]
        })
      )
    )
  )

  it.effect("publishes each retry of the listing, with its cause and delay", () =>
    Effect.gen(function* () {
      const { when } = yield* TestBackend.TestBackend
      yield* when({ kind: "listing", first: 1 }, TestReply.status(429, { "retry-after": "20" }))
      const { events, sync } = yield* PluginSync.PluginSync
      const heard = yield* events.pipe(
        Stream.takeUntil(({ _tag }) => _tag === "Finished"),
        Stream.filter(PluginSync.SyncEvent.$is("Retrying")),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      const syncing = yield* Effect.forkChild(sync)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(syncing)
      const retries = yield* Fiber.join(heard)
      assert.lengthOf(retries, 1)
      const { cause, delay, pluginId } = retries[0]!
      assert.strictEqual(pluginId, null)
      assert.include(cause.message, "answered 429")
      assert.strictEqual(Duration.toSeconds(delay), 20)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha] })))
  )
})
