import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { randomBytes } from "node:crypto"
import { TestClock } from "effect/testing"
import * as PluginSync from "../src/PluginSync.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

/** A plugin whose bundle takes about 80 seconds at 5 kB a second. */
const large = (name: string) =>
  TestBackend.plugin({
    name,
    version: "1.0.0",
    bundle: {
      ".codex-plugin/plugin.json": JSON.stringify({ name, version: "1.0.0" }),
      noise: new Uint8Array(randomBytes(400_000))
    }
  })

const pace = (bytes: number) => TestReply.dribble(bytes, "1 second")

/** Runs a pass while the clock advances in steps of one second. */
const syncFor = (seconds: number) =>
  Effect.gen(function* () {
    const { sync } = yield* PluginSync.PluginSync
    const fiber = yield* Effect.forkChild(sync)
    for (let i = 0; i < seconds && fiber.pollUnsafe() === undefined; i++) {
      yield* TestClock.adjust("1 second")
      // A thread inflates large bundles in real time.
      yield* TestClock.withLive(Effect.sleep(1))
    }
    return yield* Fiber.join(fiber)
  })

describe("PluginSync on a slow connection", () => {
  const three = ["a", "b", "c"].map(large)

  it.effect("installs three bundles that share 15 kB a second", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle" }, pace(5000))
      const { failures, installed } = yield* syncFor(300)
      assert.deepStrictEqual(failures, [])
      assert.lengthOf(installed, 3)
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 3)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: three })))
  )

  it.effect("installs a single bundle that arrives at 12 kB a second", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle" }, TestReply.dribble(120_000, "10 seconds"))
      const { failures, installed } = yield* syncFor(300)
      assert.deepStrictEqual(failures, [])
      assert.lengthOf(installed, 1)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [large("a")] })))
  )

  it.effect("gives up a single bundle that arrives at 5 kB a second after a minute", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle" }, pace(5000))
      const { failures } = yield* syncFor(300)
      assert.deepStrictEqual(
        failures.map(({ error }) =>
          error._tag === "RemoteBundleError" ? error.reason._tag : error._tag
        ),
        ["TooSlow"]
      )
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 1)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [large("a")] })))
  )
})
