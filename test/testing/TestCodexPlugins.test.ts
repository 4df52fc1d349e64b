import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { PluginSync } from "effect-codex-plugins"
import { TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
import { TestClock } from "effect/testing"

const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
const plugins = [hello]

const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

/** Advances the clock until the effect ends, including its retries and delays. */
const inTestTime = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  return yield* Fiber.join(fiber)
})

describe("TestCodexPlugins", () => {
  it.effect("provides a home that is signed in to an account without plugins", () =>
    Effect.gen(function* () {
      const { installed } = yield* sync
      assert.deepStrictEqual(installed, [])
    }).pipe(Effect.provide(TestCodexPlugins.layer))
  )

  it.effect("with `signedOut`, provides a home without credentials, which can sign in", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(sync)
      assert.strictEqual(error._tag, "NotSignedIn")
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual(yield* backend.requests(), [])
      yield* backend.writeHome(TestCodexPlugins.root)
      assert.lengthOf((yield* sync).installed, 1)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins, signedOut: true })))
  )

  it.effect(
    "with `expired`, provides a token that the backend refuses, and a valid one for the same account",
    () =>
      Effect.gen(function* () {
        assert.include(["RemoteCatalogError", "NotSignedIn"], (yield* Effect.flip(sync))._tag)
        const { accounts, writeHome } = yield* TestBackend.TestBackend
        yield* writeHome(TestCodexPlugins.root, { account: accounts[1]! })
        assert.lengthOf((yield* sync).installed, 1)
      }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins, expired: true })))
  )

  it.effect("with `offline`, resets every connection until the backend behaves again", () =>
    Effect.gen(function* () {
      const error = yield* inTestTime(Effect.flip(sync))
      assert.strictEqual(error._tag, "RemoteCatalogError")
      const backend = yield* TestBackend.TestBackend
      yield* backend.behave
      assert.lengthOf((yield* inTestTime(sync)).installed, 1)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins, offline: true })))
  )

  it.effect("with `slow`, delivers everything, but slowly", () =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      assert.lengthOf((yield* inTestTime(sync)).installed, 1)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 1_000)
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins, slow: true })))
  )

  it.effect("accepts options of its disk", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* sync).installed, 1)
    }).pipe(
      Effect.provide(
        TestCodexPlugins.layerWith({ plugins, disk: { caseInsensitive: true, uid: 1000 } })
      )
    )
  )
})
