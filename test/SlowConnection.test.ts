import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

const plugins = ["a", "b", "c"].map((name) => TestBackend.plugin({ name, version: "1.0.0" }))

/** A pace at which no bundle comes within the time limit, but never pauses for long. */
const crawl = TestReply.dribble(1, "5 seconds")

/** Waits in real time: what inflates the bundles does not go by the test's clock. */
const until = (condition: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* TestClock.withLive(Effect.sleep(5))
  })

/** A pass whose downloads run out of time once `arrived` of them were asked for, and again. */
const syncThroughTimeouts = (...rounds: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    const { sync } = yield* PluginSync.PluginSync
    const fiber = yield* Effect.forkChild(sync)
    for (const arrived of rounds) {
      yield* until(
        Effect.map(backend.requests({ kind: "bundle" }), ({ length }) => length >= arrived)
      )
      yield* TestClock.adjust(RemoteBundle.downloadTimeLimit)
    }
    return yield* Fiber.join(fiber)
  })

describe("PluginSync on a slow connection", () => {
  it.effect("tries again alone what did not come in time beside the others", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", first: 3 }, crawl)
      const { failures, installed } = yield* syncThroughTimeouts(3)
      assert.deepStrictEqual(failures, [])
      assert.strictEqual(installed.length, 3)
      const attempts = yield* backend.requests({ kind: "bundle" })
      assert.strictEqual(attempts.length, 6)
      // Each of the second attempts starts only after the one before has its whole bundle.
      assert.deepStrictEqual(
        attempts.map(({ outcome }) => outcome),
        ["aborted", "aborted", "aborted", "whole", "whole", "whole"]
      )
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins })))
  )

  it.effect("fails what does not come in time alone either", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", plugin: plugins[0]!.id }, crawl)
      yield* backend.when({ kind: "bundle", first: 3 }, crawl)
      const { failures, installed } = yield* syncThroughTimeouts(3, 4)
      assert.deepStrictEqual(
        failures.map(({ error, pluginId }) => [pluginId, error._tag]),
        [["a@openai-curated-remote", "RemoteBundleError"]]
      )
      assert.strictEqual(installed.length, 2)
      const attempts = yield* backend.requests({ kind: "bundle", plugin: plugins[0]!.id })
      assert.strictEqual(attempts.length, 2)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins })))
  )
})
