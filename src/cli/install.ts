import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import { remoteMarketplaces } from "../RemotePlugin.ts"
import type { RemotePluginId } from "../RemotePluginId.ts"
import * as args from "./args.ts"
import { WrongUsage } from "./exit.ts"
import * as flags from "./flags.ts"
import { offline } from "./offline.ts"
import { online } from "./online.ts"
import { printJson } from "./output.ts"

const isPluginId = Schema.is(PluginId.PluginId)
const isRemoteId = Schema.is(args.RemoteId)

const printInstalled = (
  installed: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion },
  source: { readonly source: "remote"; readonly id: string } | { readonly source: "local" },
  json: boolean
) => {
  const { pluginId, version } = installed
  return json
    ? printJson({
        pluginId,
        name: PluginId.name(pluginId),
        marketplaceName: PluginId.marketplace(pluginId),
        version,
        installed: true,
        source
      })
    : Console.log(`installed ${pluginId} ${version}`)
}

const installRemote = Effect.fnUntraced(function* (id: RemotePluginId, json: boolean) {
  const { install } = yield* PluginInstaller.PluginInstaller
  yield* printInstalled(yield* install(id), { source: "remote", id }, json)
})

const installLocal = Effect.fnUntraced(function* (
  pluginId: PluginId.PluginId,
  source: string,
  json: boolean
) {
  const { install } = yield* PluginStore.PluginStore
  const version = yield* install({ source, pluginId })
  yield* printInstalled({ pluginId, version }, { source: "local" }, json)
  const marketplace = PluginId.marketplace(pluginId)
  if (remoteMarketplaces.has(marketplace)) {
    yield* Effect.logWarning(
      `${marketplace} belongs to the account: the next sync replaces or removes ${pluginId}`
    )
  }
})

export const install = Command.make(
  "install",
  {
    codexHome: flags.codexHome,
    json: flags.json,
    from: Flag.String("from").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription(
        "Install PLUGIN@MARKETPLACE from this folder: no network, no account, no identity"
      ),
      Flag.optional
    ),
    plugin: Argument.String("PLUGIN").pipe(
      Argument.withDescription("A remote plugin id; with --from, PLUGIN@MARKETPLACE")
    )
  },
  Effect.fn("install")(function* ({ codexHome, from, json, plugin }) {
    if (Option.isSome(from)) {
      return yield* isPluginId(plugin)
        ? Effect.provide(installLocal(plugin, from.value, json), offline(codexHome))
        : new WrongUsage({ message: "with --from, name the plugin as PLUGIN@MARKETPLACE" })
    }
    return yield* isRemoteId(plugin)
      ? Effect.provide(installRemote(plugin, json), online(codexHome))
      : new WrongUsage({
          message: `${JSON.stringify(plugin)} is not ${args.remoteIdExpected}; to install a folder, name it with --from`
        })
  })
).pipe(
  Command.withDescription("Install a plugin, on the account and in the cache, or from a folder")
)
