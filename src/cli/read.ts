import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as flags from "./flags.ts"
import { identityColumn, versionColumn } from "./list.ts"
import * as names from "./names.ts"
import { online } from "./online.ts"
import { display } from "../internal/display.ts"
import { printJson, schemaVersion } from "./output.ts"

/**
 * The object that `read --json` prints, in the words of `codex plugin list --json` where it has
 * any.
 */
export const stateJson = ({ cached, details, installed, plugin }: PluginInstaller.PluginState) => ({
  schemaVersion,
  pluginId: plugin.pluginId,
  name: PluginId.name(plugin.pluginId),
  marketplaceName: PluginId.marketplace(plugin.pluginId),
  source: { source: "remote", id: plugin.remotePluginId },
  displayName: details.release.display_name,
  description: details.release.description,
  releaseVersion: Option.getOrNull(plugin.releaseVersion),
  installPolicy: details.installation_policy,
  authPolicy: details.authentication_policy,
  availability: details.status === "DISABLED_BY_ADMIN" ? "DISABLED_BY_ADMIN" : "AVAILABLE",
  installed: Option.isSome(installed),
  enabled: Option.exists(installed, ({ enabled }) => enabled === true),
  cachedVersion: Option.getOrNull(Option.flatMap(cached, ({ active }) => active)),
  cachedRemotePluginId: Option.match(cached, {
    onNone: () => null,
    onSome: ({ identity }) => (identity._tag === "Known" ? identity.remotePluginId : null)
  })
})

const recordText = (state: ReturnType<typeof stateJson>): string => {
  if (state.installed) return state.enabled ? "installed" : "installed, switched off"
  if (state.availability === "DISABLED_BY_ADMIN") return "not installed, disabled by administrator"
  return state.installPolicy === "NOT_AVAILABLE" ? "not installed, not available" : "not installed"
}

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
    ["account", recordText(json)],
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
  { codexHome: flags.codexHome, json: flags.json, plugin: names.plugin },
  Effect.fn("read")(function* ({ json, plugin }) {
    const installer = yield* PluginInstaller.PluginInstaller
    const state = yield* installer.read(yield* names.resolveRemote(plugin))
    yield* json ? printJson(stateJson(state)) : printState(state)
  })
).pipe(
  Command.withDescription("Show one plugin's state on the account and in the cache"),
  Command.provide(({ codexHome }) => online(codexHome))
)
