import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CodexPlugins, PluginStore, PluginSync } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"
import { TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
import * as LocalHome from "./support/localHome.ts"

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

const home = TestCodexPlugins.layerWith({
  plugins: [TestBackend.plugin({ name: "one", version: "1.0.0" })]
})
