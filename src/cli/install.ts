import { Console, Effect, Option, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import * as RemotePlugin from "../RemotePlugin.ts"
import { WrongUsage } from "./exit.ts"
import * as flags from "./flags.ts"
import * as names from "./names.ts"
import { offline } from "./offline.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"

const isPluginId = Schema.is(PluginId.PluginId)

interface Installed {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** False if the version was in place already. */
  readonly changed: boolean
}

const printInstalled = (
  { changed, pluginId, version }: Installed,
  source: { readonly source: "remote"; readonly id: string } | { readonly source: "local" },
  json: boolean
) =>
  json
    ? printJson({
        schemaVersion,
        pluginId,
        name: PluginId.name(pluginId),
        marketplaceName: PluginId.marketplace(pluginId),
        version,
        installed: true,
        changed,
        source
      })
    : Console.log(`${changed ? "installed" : "already installed:"} ${pluginId} ${version}`)

/** The version, if the account has the plugin installed and the cache holds its current version. */
const currentVersion = (state: PluginInstaller.PluginState): Option.Option<PluginVersion> => {
  const { cached, installed, plugin } = state
  const version = Result.getOrUndefined(RemotePlugin.version(plugin))
  return Option.flatMap(cached, ({ active, identity, intact }) =>
    Option.filter(
      active,
      (active) =>
        Option.isSome(installed) &&
        intact &&
        active === version &&
        identity._tag === "Known" &&
        identity.remotePluginId === plugin.remotePluginId
    )
  )
}

const installRemote = Effect.fnUntraced(function* (name: string, json: boolean) {
  const { install, read } = yield* PluginInstaller.PluginInstaller
  const id = yield* names.resolveRemote(name)
  // Only a cached plugin can be current, and that costs no request.
  const cached = yield* names.cached(id)
  if (Option.isSome(cached)) {
    const state = yield* read(id)
    const version = currentVersion(state)
    if (Option.isSome(version)) {
      const { pluginId } = state.plugin
      const current = { pluginId, version: version.value, changed: false }
      return yield* printInstalled(current, { source: "remote", id }, json)
    }
  }
  const { pluginId, version } = yield* names.orUnknown(name)(install(id))
  yield* printInstalled({ pluginId, version, changed: true }, { source: "remote", id }, json)
})

const installLocal = Effect.fnUntraced(function* (
  pluginId: PluginId.PluginId,
  source: string,
  options: { readonly force: boolean; readonly json: boolean }
) {
  const { force, json } = options
  const { install } = yield* PluginStore.PluginStore
  const version = yield* install({ source, pluginId, force })
  yield* printInstalled({ pluginId, version, changed: true }, { source: "local" }, json)
  const marketplace = PluginId.marketplace(pluginId)
  if (RemotePlugin.remoteMarketplaces.has(marketplace)) {
    yield* Effect.logWarning(
      `${marketplace} belongs to the account: the next sync replaces or removes ${pluginId}`
    )
  }
})

export const install = Command.make(
  "install",
  {
    codexHome: flags.codexHome,
    force: flags.force,
    json: flags.json,
    from: Flag.String("from").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription(
        "Install PLUGIN@MARKETPLACE from this folder: no network, no account, no identity"
      ),
      Flag.optional
    ),
    plugin: Argument.String("PLUGIN").pipe(
      Argument.withDescription(
        "NAME, NAME@MARKETPLACE or the remote id; with --from, NAME@MARKETPLACE"
      )
    )
  },
  Effect.fn("install")(function* ({ codexHome, force, from, json, plugin }) {
    if (Option.isSome(from)) {
      return yield* isPluginId(plugin)
        ? Effect.provide(installLocal(plugin, from.value, { force, json }), offline(codexHome))
        : new WrongUsage({ message: "with --from, name the plugin as NAME@MARKETPLACE" })
    }
    return yield* names.isName(plugin)
      ? Effect.provide(installRemote(plugin, json), online(codexHome))
      : new WrongUsage({
          message: `${JSON.stringify(plugin)} is not ${names.expected}; to install from a folder, use --from DIR`
        })
  })
).pipe(
  Command.withDescription("Install a plugin, on the account and in the cache, or from a folder")
)
