import { Effect, Option, Stream } from "effect"
import { PluginId, PluginStore, PluginSync } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"

// Before a session opens: hooks and skills are there at once.
const warmUp = Effect.gen(function* () {
  const { events, sync } = yield* PluginSync.PluginSync
  yield* events.pipe(
    Stream.runForEach((event) => Effect.logDebug(event._tag)),
    Effect.forkScoped({ startImmediately: true })
  )
  const { failures, installed } = yield* sync
  yield* Effect.logInfo(`${installed.length} plugins installed, ${failures.length} failed`)
})

// At start-up, without a network: which backend plugin is this?
export const identify = Effect.fn("identify")(function* (pluginId: string) {
  const store = yield* PluginStore.PluginStore
  const id = yield* store.remotePluginId(PluginId.PluginId.make(pluginId))
  return Option.getOrElse(id, () => "a local install")
})

export const program = warmUp.pipe(
  Effect.scoped,
  Effect.catchTag("NotSignedIn", (error) => Effect.logWarning(error.message)),
  Effect.andThen(identify("build-macos-apps@openai-curated-remote"))
)

export const main = program.pipe(Effect.provide(NodeCodexPlugins.layer))
