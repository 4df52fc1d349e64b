import { Effect, Option } from "effect"
import { PluginId, PluginStore } from "effect-codex-plugins"

// Offline: the id that the backend knows a cached plugin by.
export const identify = Effect.fn("identify")(function* (pluginId: string) {
  const store = yield* PluginStore.PluginStore
  const remotePluginId = yield* store.remotePluginId(PluginId.PluginId.make(pluginId))
  return Option.getOrElse(remotePluginId, () => "a local install")
})
