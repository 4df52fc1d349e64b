import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { display } from "../internal/display.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import { within } from "./exit.ts"
import * as Flags from "./flags.ts"
import { identityColumn, versionColumn } from "./list.ts"
import * as Names from "./names.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"
import { spinning } from "./region.ts"
import { accountText, remoteJson } from "./remoteJson.ts"

/** The object that `read --json` prints. */
const stateJson = (state: PluginInstaller.PluginState) => ({
  schemaVersion,
  ...remoteJson(state),
  cachedVersion: Option.getOrNull(Option.flatMap(state.cached, ({ active }) => active)),
  cachedRemotePluginId: Option.match(state.cached, {
    onNone: () => null,
    onSome: ({ identity }) => (identity._tag === "Known" ? identity.remotePluginId : null)
  })
})

const cacheText = ({ cached, plugin }: PluginInstaller.PluginState): string =>
  Option.match(cached, {
    onNone: () => "nothing",
    onSome: (cached) => {
      const isIts =
        cached.identity._tag === "Known" && cached.identity.remotePluginId === plugin.remotePluginId
      return isIts
        ? versionColumn(cached)
        : `${versionColumn(cached)}, identity ${identityColumn(cached)}`
    }
  })

/** The lines that `read` prints for people. */
const printState = (state: PluginInstaller.PluginState) => {
  const json = stateJson(state)
  const lines = [
    ["remote id", json.source.id],
    ["name", json.displayName],
    ["description", json.description],
    ["release", json.releaseVersion ?? "none"],
    ["account", accountText(json)],
    ["cache", cacheText(state)]
  ]
  return Console.log(
    [
      json.pluginId,
      ...lines.map(([label = "", text = ""]) => `  ${label.padEnd(13)}${display(text)}`.trimEnd())
    ].join("\n")
  )
}

export const read = Command.make(
  "read",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    plugin: Names.plugin,
    timeout: Flags.timeout
  },
  Effect.fn("read")(function* ({ json, plugin, timeout }) {
    const installer = yield* PluginInstaller.PluginInstaller
    const state = yield* Names.resolveRemote(plugin).pipe(
      Effect.flatMap(installer.read),
      Names.orUnknown(plugin),
      within(timeout),
      spinning(() => `Reading ${plugin}`)
    )
    yield* json ? printJson(stateJson(state)) : printState(state)
  })
).pipe(
  Command.withDescription("Show one plugin's state on the account and in the cache"),
  Command.withExamples([
    { command: "codex-plugins read github", description: "A plugin that is installed" },
    {
      command: "codex-plugins read --json plugins~Plugin_0123 | jq .releaseVersion",
      description: "Any plugin of the catalogue, by its remote id"
    }
  ]),
  Command.provide(({ codexHome }) => online(codexHome))
)
