import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { PluginSync } from "effect-codex-plugins"
import { TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
import { identify } from "./identify.ts"

const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })

it.effect("identify returns the backend's id of a synced plugin", () =>
  Effect.gen(function* () {
    const { sync } = yield* PluginSync.PluginSync
    yield* sync
    assert.strictEqual(yield* identify("hello@openai-curated-remote"), hello.id)
  }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
)
