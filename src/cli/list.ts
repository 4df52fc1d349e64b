import { Array as Arr, Console, Effect, Option, Order } from "effect"
import { Argument, Command } from "effect/cli"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import { display } from "../internal/display.ts"
import * as PluginId from "../PluginId.ts"
import type * as PluginIdentity from "../PluginIdentity.ts"
import * as PluginStore from "../PluginStore.ts"
import { CommandFailed } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Names from "./names.ts"
import { offline } from "./offline.ts"
import { printJson, schemaVersion, tableLines } from "./output.ts"
import { Screen } from "./screen.ts"
import type { Style } from "./style.ts"

type State = PluginIdentity.State

/** Returns the state of a plugin's identity. */
type StateOf = (plugin: CachedPlugin) => State

/** The module with the states is loaded only if an identity is not known, which is rare. */
const stateOf = Effect.fnUntraced(function* (plugins: ReadonlyArray<CachedPlugin>) {
  if (plugins.every(({ identity }) => identity._tag === "Known")) return (): State => "Known"
  const { decide } = yield* Effect.promise(() => import("../PluginIdentity.ts"))
  const state: StateOf = (plugin) =>
    Option.match(decide(plugin.pluginId, Option.some(plugin), Option.none()), {
      onNone: () => "NotCached",
      onSome: ({ state }) => state
    })
  return state
})

/** The plugin's source, as in `codex plugin list --json`; absent if it is unknown. */
const sourceOf = ({ identity }: CachedPlugin, state: State) => {
  if (identity._tag === "Known") {
    return { source: { source: "remote", id: identity.remotePluginId } }
  }
  return state === "Local" ? { source: { source: "local" } } : {}
}

/** One item, with those fields of `codex plugin list --json` that the cache contains. */
const itemOf = (plugin: CachedPlugin, state: State) => ({
  pluginId: plugin.pluginId,
  name: PluginId.name(plugin.pluginId),
  marketplaceName: PluginId.marketplace(plugin.pluginId),
  ...Option.match(plugin.active, { onNone: () => ({}), onSome: (version) => ({ version }) }),
  installed: plugin.intact,
  ...sourceOf(plugin, state),
  identity: `${state.charAt(0).toLowerCase()}${state.slice(1)}`
})

/** The active version, for people. */
export const versionColumn = ({ active, intact }: CachedPlugin): string =>
  Option.match(active, {
    onNone: () => "(none)",
    onSome: (version) => (intact ? version : `${version} (broken)`)
  })

/** The backend plugin of the active version, for people. */
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

const sources: Readonly<Record<State, Source>> = {
  Known: "account",
  NotCached: "pending",
  Local: "local",
  NotBackfilled: "pending",
  InDoubt: "in doubt",
  Unreadable: "unreadable",
  Corrupt: "unreadable",
  UnsupportedSchema: "unreadable"
}

/** The sources that need an explanation. */
const legend: ReadonlyArray<readonly [Source, string]> = [
  ["pending", "no identity yet; the next sync adds it"],
  ["in doubt", "an install was interrupted; the next sync repairs it"],
  ["unreadable", "its sidecar cannot be read; check its owner, or sync"]
]

/** The lines of `list`. Without a width, as for a pipe, every column is printed. */
const listLines = (
  plugins: ReadonlyArray<CachedPlugin>,
  stateOf: StateOf,
  columns: number | undefined,
  style: Style
): ReadonlyArray<string> => {
  const rows = plugins.map(
    (plugin) =>
      [
        plugin.pluginId,
        versionColumn(plugin),
        sources[stateOf(plugin)],
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
  const [header, ...body] = layouts.map((layout) => layout()).find(fits) ?? []
  const lines =
    header === undefined
      ? rows.flatMap(([pluginId, version, source]) => [
          display(pluginId),
          `  ${display(version)}  ${source}`
        ])
      : [style.dim(header), ...body]
  return explained.length === 0 ? lines : [...lines, "", ...explained]
}

/** Prints the plugins for people, at the width of the terminal. */
export const printPlugins = Effect.fnUntraced(function* (plugins: ReadonlyArray<CachedPlugin>) {
  const { output, outputColumns } = yield* Screen
  const state = yield* stateOf(plugins)
  yield* Console.log(
    plugins.length === 0
      ? "No plugins are cached"
      : listLines(plugins, state, outputColumns, output).join("\n")
  )
})

/** The plugins with these names, without duplicates. */
const named = Effect.fnUntraced(function* (
  plugins: ReadonlyArray<CachedPlugin>,
  wanted: ReadonlyArray<string>
) {
  const pluginIds = yield* Effect.forEach(wanted, (text) =>
    Effect.flatMap(Names.cached(text), (named) =>
      Option.isSome(named)
        ? Effect.succeed(named.value.pluginId)
        : Effect.fail(new CommandFailed({ why: `${text} is not installed` }))
    )
  )
  return plugins.filter(({ pluginId }) => pluginIds.includes(pluginId))
})

/** Orders by name, so that `a` comes before `a-2`, then by marketplace. */
const byName = Order.combineAll([
  Order.mapInput(Order.String, ({ pluginId }: CachedPlugin) => PluginId.name(pluginId)),
  Order.mapInput(Order.String, ({ pluginId }: CachedPlugin) => PluginId.marketplace(pluginId))
])

export const list = Command.make(
  "list",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    names: Names.plugin.pipe(Argument.variadic())
  },
  Effect.fn("list")(function* ({ json, names: wanted }) {
    const store = yield* PluginStore.PluginStore
    const all = Arr.sort(yield* store.list, byName)
    const plugins = wanted.length === 0 ? all : yield* named(all, wanted)
    if (!json) return yield* printPlugins(plugins)
    const state = yield* stateOf(plugins)
    yield* printJson({
      schemaVersion,
      installed: plugins.map((plugin) => itemOf(plugin, state(plugin)))
    })
  })
).pipe(
  Command.withDescription(
    "List the cached plugins with version, source and remote plugin id; works offline"
  ),
  Command.withExamples([
    { command: "codex-plugins list", description: "Every cached plugin" },
    { command: "codex-plugins list github --json", description: "One of them, for a program" }
  ]),
  Command.provide(({ codexHome }) => offline(codexHome))
)
