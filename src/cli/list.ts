import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import { remoteMarketplaces } from "../RemotePlugin.ts"
import * as flags from "./flags.ts"
import { offline } from "./offline.ts"
import { printJson, printTable } from "./output.ts"

/** Where the plugin comes from, as `codex plugin list --json` tells it; absent where nobody can say. */
const sourceOf = ({ identity, pluginId }: CachedPlugin) => {
  if (identity._tag === "Known") {
    return { source: { source: "remote", id: identity.remotePluginId } }
  }
  return identity._tag === "Absent" && !remoteMarketplaces.has(PluginId.marketplace(pluginId))
    ? { source: { source: "local" } }
    : {}
}

/** One item, with the fields of `codex plugin list --json` that the cache can tell. */
export const itemOf = (plugin: CachedPlugin) => ({
  pluginId: plugin.pluginId,
  name: PluginId.name(plugin.pluginId),
  marketplaceName: PluginId.marketplace(plugin.pluginId),
  ...Option.match(plugin.active, { onNone: () => ({}), onSome: (version) => ({ version }) }),
  installed: plugin.intact,
  ...sourceOf(plugin)
})

/** The active version, as people see it. */
export const versionColumn = ({ active, intact }: CachedPlugin): string =>
  Option.match(active, {
    onNone: () => "(none)",
    onSome: (version) => (intact ? version : `${version} (broken)`)
  })

/** Whose bytes the active version holds, as people see it. */
export const identityColumn = ({ identity }: CachedPlugin): string => {
  switch (identity._tag) {
    case "Known":
      return identity.remotePluginId
    case "Absent":
      return "-"
    case "InDoubt":
      return "(in doubt: sync again)"
    case "Unreadable":
      return identity.error._tag === "UnsupportedSchemaVersion"
        ? `(schema ${identity.error.found})`
        : "(unreadable)"
  }
}

/** The table that people see. */
export const printPlugins = (plugins: ReadonlyArray<CachedPlugin>) =>
  printTable(
    ["PLUGIN", "VERSION", "REMOTE PLUGIN ID"],
    plugins.map((plugin) => [plugin.pluginId, versionColumn(plugin), identityColumn(plugin)])
  )

export const list = Command.make(
  "list",
  { codexHome: flags.codexHome, json: flags.json },
  Effect.fn("list")(function* ({ json }) {
    const store = yield* PluginStore.PluginStore
    const plugins = yield* store.list
    yield* json ? printJson({ installed: plugins.map(itemOf) }) : printPlugins(plugins)
  })
).pipe(
  Command.withDescription(
    "List the cached plugins and which backend plugin each is; needs no network"
  ),
  Command.provide(({ codexHome }) => offline(codexHome))
)
