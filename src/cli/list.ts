import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import { display } from "../internal/display.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import { remoteMarketplaces } from "../RemotePlugin.ts"
import * as flags from "./flags.ts"
import { offline } from "./offline.ts"
import { printJson, schemaVersion, tableLines } from "./output.ts"
import { Screen } from "./screen.ts"

/** The plugin's source, as `codex plugin list --json` prints it; absent if it is unknown. */
const sourceOf = ({ identity, pluginId }: CachedPlugin) => {
  if (identity._tag === "Known") {
    return { source: { source: "remote", id: identity.remotePluginId } }
  }
  return identity._tag === "Absent" && !remoteMarketplaces.has(PluginId.marketplace(pluginId))
    ? { source: { source: "local" } }
    : {}
}

/** Why `source` is absent, for programs. */
const identityState = ({ identity }: CachedPlugin) =>
  ({ Known: "known", Absent: "absent", InDoubt: "inDoubt", Unreadable: "unreadable" })[
    identity._tag
  ]

/** One item, with the fields of `codex plugin list --json` that the cache holds. */
export const itemOf = (plugin: CachedPlugin) => ({
  pluginId: plugin.pluginId,
  name: PluginId.name(plugin.pluginId),
  marketplaceName: PluginId.marketplace(plugin.pluginId),
  ...Option.match(plugin.active, { onNone: () => ({}), onSome: (version) => ({ version }) }),
  installed: plugin.intact,
  ...sourceOf(plugin),
  identity: identityState(plugin)
})

/** The active version, as people see it. */
export const versionColumn = ({ active, intact }: CachedPlugin): string =>
  Option.match(active, {
    onNone: () => "(none)",
    onSome: (version) => (intact ? version : `${version} (broken)`)
  })

/** The backend plugin whose bytes the active version holds, as people see it. */
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

type Source = "account" | "local" | "pending" | "in doubt" | "unreadable"

const sourceColumn = ({ identity, pluginId }: CachedPlugin): Source => {
  switch (identity._tag) {
    case "Known":
      return "account"
    case "Absent":
      return remoteMarketplaces.has(PluginId.marketplace(pluginId)) ? "pending" : "local"
    case "InDoubt":
      return "in doubt"
    case "Unreadable":
      return "unreadable"
  }
}

/** The sources that need an explanation. */
const legend: ReadonlyArray<readonly [Source, string]> = [
  ["pending", "no identity yet; the next sync adds it"],
  ["in doubt", "an install was interrupted; the next sync repairs it"],
  ["unreadable", "its identity file cannot be read; check its owner, or sync"]
]

/** The lines of `list`. Without a width, as where a pipe reads them, every column is printed. */
export const listLines = (
  plugins: ReadonlyArray<CachedPlugin>,
  columns?: number
): ReadonlyArray<string> => {
  const rows = plugins.map(
    (plugin) =>
      [
        plugin.pluginId,
        versionColumn(plugin),
        sourceColumn(plugin),
        identityColumn(plugin)
      ] as const
  )
  const fits = (lines: ReadonlyArray<string>) =>
    columns === undefined || lines.every(({ length }) => length <= columns)
  const explained = legend
    .filter(([source]) => rows.some((row) => row[2] === source))
    .map(([source, text]) => `${source}: ${text}`)
  const layouts = [
    () => tableLines(["PLUGIN", "VERSION", "SOURCE", "REMOTE PLUGIN ID"], rows),
    () =>
      tableLines(
        ["PLUGIN", "VERSION", "SOURCE"],
        rows.map((row) => row.slice(0, 3))
      )
  ]
  const table = layouts.map((layout) => layout()).find(fits)
  const lines =
    table ??
    rows.flatMap(([pluginId, version, source]) => [
      display(pluginId),
      `  ${display(version)}  ${source}`
    ])
  return explained.length === 0 ? lines : [...lines, "", ...explained]
}

/** Prints the plugins for people, as wide as the terminal. */
export const printPlugins = Effect.fnUntraced(function* (plugins: ReadonlyArray<CachedPlugin>) {
  const { outputColumns } = yield* Screen
  yield* Console.log(
    plugins.length === 0 ? "No plugins are cached" : listLines(plugins, outputColumns).join("\n")
  )
})

export const list = Command.make(
  "list",
  { codexHome: flags.codexHome, json: flags.json },
  Effect.fn("list")(function* ({ json }) {
    const store = yield* PluginStore.PluginStore
    const plugins = yield* store.list
    yield* json
      ? printJson({ schemaVersion, installed: plugins.map(itemOf) })
      : printPlugins(plugins)
  })
).pipe(
  Command.withDescription(
    "List the cached plugins with version, source and remote plugin id; works offline"
  ),
  Command.provide(({ codexHome }) => offline(codexHome))
)
