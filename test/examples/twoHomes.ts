import { Effect } from "effect"
import { PluginStore } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"

const cached = Effect.gen(function* () {
  const store = yield* PluginStore.PluginStore
  const plugins = yield* store.list
  return plugins.map(({ pluginId }) => String(pluginId))
})

/** The plugins of two homes. Each home has services of its own. */
export const compare = (work: string, personal: string) =>
  Effect.all(
    {
      work: Effect.provide(cached, NodeCodexPlugins.layerAt(work)),
      personal: Effect.provide(cached, NodeCodexPlugins.layerAt(personal))
    },
    { concurrency: "unbounded" }
  )
