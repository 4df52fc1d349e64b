import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { PluginSync, SyncEventJson } from "effect-codex-plugins"
import { TestBackend, TestCodexPlugins, TestReply } from "effect-codex-plugins/testing"
import { TestClock } from "effect/testing"

const decode = Schema.decodeUnknownSync(SyncEventJson.LineFromString)

/** The decoded lines of one pass. */
const lines = Effect.gen(function* () {
  const { events, sync } = yield* PluginSync.PluginSync
  const lines: Array<SyncEventJson.Line> = []
  yield* events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        const text = SyncEventJson.encodeToString(event)
        assert.notInclude(text, "\n")
        const line = decode(text)
        // The schema describes every key.
        assert.deepStrictEqual(JSON.parse(JSON.stringify(line)), JSON.parse(text))
        lines.push(line)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* Effect.exit(sync)
  yield* Effect.yieldNow
  return lines
}).pipe(Effect.scoped)

const results = (lines: ReadonlyArray<SyncEventJson.Line>) =>
  lines.flatMap((line) =>
    line.event === "result"
      ? [[line.outcome, line.pluginId, line.remotePluginId, line.from, line.version]]
      : []
  )

const one = TestBackend.plugin({ name: "one", version: "1.0.0" })
const two = TestBackend.plugin({ name: "two", version: "1.0.0" })
const broken = TestBackend.plugin({ name: "broken", version: "1.0.0", bundle: new Uint8Array(9) })

describe("the lines of SyncEventJson", () => {
  it.effect("report each change of the cache with the plugin's local and remote id", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const first = yield* lines
      assert.deepStrictEqual(results(first).toSorted(), [
        ["installed", "one@openai-curated-remote", one.id, null, "1.0.0"],
        ["installed", "two@openai-curated-remote", two.id, null, "1.0.0"]
      ])
      assert.strictEqual(first.at(0)?.event, "started")
      assert.strictEqual(first.at(-1)?.event, "finished")
      yield* backend.update(one.id, { version: "2.0.0" })
      yield* backend.uninstall(two.id)
      yield* TestClock.adjust("48 hours")
      assert.deepStrictEqual(results(yield* lines).toSorted(), [
        ["installed", "one@openai-curated-remote", one.id, "1.0.0", "2.0.0"],
        ["removed", "two@openai-curated-remote", two.id, "1.0.0", null]
      ])
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [one, two] })))
  )

  it.effect("say why a plugin failed, and what to do", () =>
    Effect.gen(function* () {
      const line = (yield* lines).find((line) => line.event === "result")
      assert.deepInclude(line, { event: "result", outcome: "failed", remotePluginId: broken.id })
      assert.deepInclude(line?.error, { tag: "RemoteBundleError", reason: "InvalidArchive" })
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [broken] })))
  )

  it.effect("end with the reason why a whole pass failed", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      const line = (yield* lines).at(-1)
      assert.deepInclude(line, { event: "failed", schemaVersion: 1 })
      assert.deepInclude(line?.event === "failed" ? line.error : {}, {
        tag: "RemoteCatalogError",
        reason: "Unauthorized"
      })
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [one] })))
  )
})
